"""Pictures: what is one, and where a notebook's own may come from."""
import base64
import binascii
import os
import re
import struct
import urllib.parse
import xml.parsers.expat
from dataclasses import dataclass

import files
from file_names import harmless

SUFFIXES = {
    "image/png": "png", "image/jpeg": "jpg", "image/svg+xml": "svg", "image/gif": "gif", "image/webp": "webp",
}  # fmt: skip
# Bytes of one picture, and pixels: a small file can hold a picture that fills the memory.
LARGEST, MOST_PIXELS = 30_000_000, 100_000_000
PNG = b"\x89PNG\r\n\x1a\n"
BASE64 = re.compile(r"[A-Za-z0-9+/\s]*={0,2}\s*")
DATA = re.compile(r"data:image/[a-z+.-]{1,20}((?:;[a-z0-9=-]{1,20}){0,3}),", re.I)


class NoPicture(Exception):
    """Says why something is not shown as a picture."""


@dataclass
class Picture:
    mime: str
    data: bytes
    name: str = "picture"

    @property
    def address(self):
        """The picture itself, as an address."""
        return f"data:{self.mime};base64,{base64.b64encode(self.data).decode()}"

    @property
    def suffix(self):
        return SUFFIXES[self.mime]

    @property
    def file_name(self):
        """Its name, with the ending of what it really is."""
        name = harmless(self.name, "picture")
        return name if name.lower().endswith((f".{self.suffix}", ".jpeg")) else f"{name}.{self.suffix}"


def picture(data, name="picture"):
    """A picture of some bytes, whatever they are said to be."""
    if len(data) > LARGEST:
        raise NoPicture(f"is larger than {LARGEST // 1_000_000} MB")
    mime = _kind(data)
    if mime == "image/png":
        png_size(data)
    if mime == "image/svg+xml":
        _check_svg(data)
    return Picture(mime, data, name)


def decoded(text, name="picture"):
    """A picture of its bytes in base64."""
    if not BASE64.fullmatch(text):
        raise NoPicture("is not in base64")
    try:
        return picture(base64.b64decode(text), name)
    except binascii.Error as error:
        raise NoPicture("is not in base64") from error


def embedded(address):
    """The picture that an address holds itself."""
    found = DATA.match(address)
    if not found:
        raise NoPicture("is not part of the notebook")
    content = address[found.end() :]
    if found.group(1).lower().endswith(";base64"):
        return decoded(urllib.parse.unquote(content) if "%" in content else content)
    return picture(urllib.parse.unquote_to_bytes(content))


class Album:
    """Where the pictures of a Markdown cell are: in the address, attached, or in the notebook's folder."""

    def __init__(self, folder, attachments):
        self.folder = os.path.realpath(folder)
        self.attachments = attachments

    def find(self, address):
        if address[:5].lower() == "data:":
            return embedded(address)
        if address.startswith("attachment:"):
            return self._attached(address.removeprefix("attachment:"))
        return self._in_folder(address)

    def _attached(self, name):
        forms = self.attachments.get(name) or self.attachments.get(urllib.parse.unquote(name)) or {}
        for mime in SUFFIXES:
            if mime in forms:
                return decoded(forms[mime], name)
        raise NoPicture("is not attached to its cell")

    def _in_folder(self, address):
        path = urllib.parse.unquote(address)
        if re.match(r"[A-Za-z][A-Za-z0-9+.-]*:", address) or path.startswith("//"):
            raise NoPicture("is elsewhere than in the notebook's folder")
        if "\\" in path or "\0" in path or len(path) > 2000:
            raise NoPicture("is no path")
        # Links count by where they lead.
        place = os.path.realpath(os.path.join(self.folder, path))
        if not place.startswith(os.path.join(self.folder, "")):
            raise NoPicture("is outside the notebook's folder")
        try:
            return picture(files.read(place, LARGEST), os.path.basename(path))
        except files.NotReadable as error:
            raise NoPicture(str(error)) from error


def _kind(data):
    if data.startswith(PNG):
        return "image/png"
    if data.startswith(b"\xff\xd8\xff"):
        return "image/jpeg"
    if data.startswith((b"GIF87a", b"GIF89a")):
        return "image/gif"
    if data[:4] == b"RIFF" and data[8:12] == b"WEBP":
        return "image/webp"
    if re.match(rb"(?:\xef\xbb\xbf)?\s{0,100}<(?:\?xml|svg|!--)", data):
        return "image/svg+xml"
    raise NoPicture("is neither PNG, JPEG, GIF, WebP nor SVG")


def png_size(data):
    """Width and height in pixels."""
    if len(data) < 33 or data[12:16] != b"IHDR":
        raise NoPicture("is a PNG that is cut off")
    width, height = struct.unpack(">II", data[16:24])
    if not 0 < width * height <= MOST_PIXELS:
        raise NoPicture(f"is a PNG of {width} times {height} pixels")
    return width, height


# What runs, or shows what is not a picture; what may turn an address into another afterwards.
ACTIVE = {"a", "audio", "embed", "foreignobject", "handler", "iframe", "listener", "object", "script", "set", "video"}
OUTSIDE_STYLE = re.compile(r"\\|@import|url\(\s*[\"']?(?!#|data:image/)", re.I)


def _check_svg(data):
    """A page shows an SVG as a picture, where its scripts rest; but its file can be opened by itself."""
    parser = xml.parsers.expat.ParserCreate()
    styles = []

    def refuse(what):
        raise NoPicture(f"is an SVG with {what[:60]}")

    def doctype(name, system, public, has_entities):
        if has_entities:
            refuse("entities of its own")

    def element(full_name, attributes):
        name = full_name.rsplit(":", 1)[-1].lower()
        if name in ACTIVE or name.startswith("animate") and "href" in attributes.get("attributeName", "").lower():
            refuse(f"the element {full_name}")
        for attribute, value in attributes.items():
            local, value = attribute.rsplit(":", 1)[-1].lower(), value.strip()
            outside = local in ("href", "src") and not value.startswith(("#", "data:image/"))
            if local.startswith("on") or outside or OUTSIDE_STYLE.search(value):
                refuse(f"the attribute {attribute}")
        styles.append(name == "style")

    def text(content):
        if styles and styles[-1]:
            sheet.append(content)

    sheet = []
    parser.StartDoctypeDeclHandler = doctype
    parser.StartElementHandler = element
    parser.EndElementHandler = lambda name: styles.pop()
    parser.CharacterDataHandler = text
    parser.ProcessingInstructionHandler = lambda target, _: refuse(f"the instruction {target}")
    try:
        parser.Parse(data, True)
    except xml.parsers.expat.ExpatError as error:
        raise NoPicture(f"is a damaged SVG ({error})") from error
    if OUTSIDE_STYLE.search("".join(sheet)):
        refuse("a style that fetches")
