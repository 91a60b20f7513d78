use bytes::Bytes;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use crate::zmtp::Frames;

const DELIMITER: &[u8] = b"<IDS|MSG>";
/// Header, parent header, metadata and content.
const PARTS: usize = 4;

/// Signs messages as Jupyter's protocol asks, unless the key is empty.
#[derive(Clone)]
pub(crate) struct Signer(Option<Hmac<Sha256>>);

impl Signer {
    pub(crate) fn new(key: &str) -> Signer {
        let mac = Hmac::new_from_slice(key.as_bytes()).ok();
        Signer(mac.filter(|_| !key.is_empty()))
    }

    fn digest(&self, parts: &[Bytes]) -> Option<Hmac<Sha256>> {
        let mut mac = self.0.clone()?;
        parts.iter().take(PARTS).for_each(|part| mac.update(part));
        Some(mac)
    }

    fn sign(&self, parts: &[Bytes]) -> String {
        let digest = self.digest(parts).map(|mac| mac.finalize().into_bytes());
        let digits = digest.iter().flatten().map(|byte| format!("{byte:02x}"));
        digits.collect()
    }

    fn is_good(&self, signature: &[u8], parts: &[Bytes]) -> bool {
        self.digest(parts).is_none_or(|mac| {
            let pairs = signature.chunks(2).map(|pair| {
                let pair = std::str::from_utf8(pair).unwrap_or_default();
                u8::from_str_radix(pair, 16).unwrap_or_default()
            });
            mac.verify_slice(&pairs.collect::<Vec<u8>>()).is_ok()
        })
    }
}

/// One message of Jupyter's protocol: whom it concerns, then header, parent header, metadata and
/// content. Buffers behind these, which no kernel of ours reads, are left out.
#[derive(Clone, Debug)]
pub(crate) struct Message {
    route: Vec<Bytes>,
    parts: Vec<Bytes>,
    pub(crate) header: Value,
    /// Identifier of the request that the message belongs to; empty for none.
    pub(crate) parent: String,
}

impl Message {
    /// Takes a message apart; `None` when its signature is wrong, a part of it is no JSON object, or
    /// its header lacks identifier or type. evcxr_jupyter would answer nothing more after one such.
    pub(crate) fn read(mut frames: Frames, signer: &Signer) -> Option<Message> {
        let delimiter = frames.iter().position(|frame| &frame[..] == DELIMITER)?;
        let mut parts = frames.split_off((delimiter + 2).min(frames.len()));
        let signature = frames.pop().filter(|_| frames.len() == delimiter + 1)?;
        frames.truncate(delimiter);
        if parts.len() < PARTS || !signer.is_good(&signature, &parts) {
            return None;
        }
        parts.truncate(PARTS);
        let object = |part: &Bytes| serde_json::from_slice(part).ok().filter(Value::is_object);
        let objects: Option<Vec<Value>> = parts.iter().map(object).collect();
        let mut objects = objects?;
        let parent = objects[1]["msg_id"].as_str().unwrap_or_default().to_owned();
        let header = objects.swap_remove(0);
        let named = |name: &str| header[name].as_str().is_some_and(|text| !text.is_empty());
        (named("msg_id") && named("msg_type")).then_some(Message {
            route: frames,
            parts,
            header,
            parent,
        })
    }

    /// A request of our own, which concerns nobody else.
    pub(crate) fn request(kind: &str, id: &str, content: &Value) -> Message {
        let header = json!({
            "msg_id": id, "msg_type": kind, "session": id, "username": "kernel", "version": "5.3",
        });
        let parts = [&header, &json!({}), &json!({}), content];
        Message {
            route: Vec::new(),
            parts: parts.map(|part| Bytes::from(part.to_string())).into(),
            header,
            parent: String::new(),
        }
    }

    /// The frames to send.
    pub(crate) fn frames(&self, signer: &Signer) -> Frames {
        let signature = Bytes::from(signer.sign(&self.parts));
        let mut frames = self.route.clone();
        frames.extend([Bytes::from_static(DELIMITER), signature]);
        frames.extend(self.parts.iter().cloned());
        frames
    }

    pub(crate) fn id(&self) -> &str {
        self.header["msg_id"].as_str().unwrap_or_default()
    }

    /// The type, as in `execute_request`.
    pub(crate) fn kind(&self) -> &str {
        self.header["msg_type"].as_str().unwrap_or_default()
    }

    pub(crate) fn content(&self) -> Value {
        serde_json::from_slice(&self.parts[3]).unwrap_or_default()
    }

    pub(crate) fn set_content(&mut self, content: &Value) {
        self.parts[3] = Bytes::from(content.to_string());
    }

    /// The same message as another type with other content.
    pub(crate) fn turned_into(mut self, kind: &str, content: &Value) -> Message {
        self.header["msg_type"] = kind.into();
        self.parts[0] = Bytes::from(self.header.to_string());
        self.set_content(content);
        self
    }

    /// The same message to nobody in particular.
    pub(crate) fn for_all(mut self) -> Message {
        self.route.clear();
        self
    }

    /// A message that belongs to this request. `id` must be new.
    pub(crate) fn child(&self, kind: &str, id: String, content: &Value) -> Message {
        let mut child = self.clone();
        child.parts[1] = self.parts[0].clone();
        child.parts[2] = Bytes::from(json!({}).to_string());
        child.parent = self.id().to_owned();
        child.header["msg_id"] = id.into();
        child.header["username"] = "kernel".into();
        child.turned_into(kind, content)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn request(signer: &Signer) -> Message {
        let header = json!({"msg_id": "1", "msg_type": "execute_request", "session": "s"});
        let parts = [header, json!({}), json!({}), json!({"code": "1"})];
        Message {
            route: vec![Bytes::from_static(b"client")],
            parts: parts
                .iter()
                .map(|part| Bytes::from(part.to_string()))
                .collect(),
            header: parts[0].clone(),
            parent: String::new(),
        }
        .through(signer)
    }

    impl Message {
        fn through(&self, signer: &Signer) -> Message {
            Message::read(self.frames(signer), signer).unwrap()
        }
    }

    #[test]
    fn what_is_signed_with_another_key_is_refused() {
        let (ours, theirs) = (Signer::new("ours"), Signer::new("theirs"));
        let message = request(&ours);
        assert_eq!(message.kind(), "execute_request");
        assert!(Message::read(message.frames(&theirs), &ours).is_none());
        assert!(Message::read(message.frames(&theirs), &Signer::new("")).is_some());
        assert!(Message::read(vec![Bytes::from("noise")], &ours).is_none());
    }

    #[test]
    fn what_is_signed_but_malformed_is_refused() {
        let signer = Signer::new("key");
        let signed = |parts: [&str; 4]| {
            let parts = parts.map(|part| Bytes::from(part.to_owned()));
            let mut frames = vec![Bytes::from(DELIMITER), Bytes::from(signer.sign(&parts))];
            frames.extend(parts);
            Message::read(frames, &signer)
        };
        let header = r#"{"msg_id": "1", "msg_type": "execute_request"}"#;
        assert!(signed([header, "{}", "{}", "{}"]).is_some());
        let deep = "[".repeat(100_000);
        for wrong in [
            "[]",
            "\"x\"",
            "5",
            "null",
            "",
            "{",
            "{\"a\": \u{fffd}}",
            "NaN",
            &deep,
        ] {
            for place in 0..4 {
                let mut parts = [header, "{}", "{}", "{}"];
                parts[place] = wrong;
                assert!(signed(parts).is_none(), "{wrong:.9} {place}");
            }
        }
        for header in [
            "{}",
            r#"{"msg_id": 1, "msg_type": "execute_request"}"#,
            r#"{"msg_id": "1", "msg_type": ["execute_request"]}"#,
            r#"{"msg_id": "1"}"#,
        ] {
            assert!(signed([header, "{}", "{}", "{}"]).is_none(), "{header}");
        }
    }

    #[test]
    fn frames_without_signature_or_parts_are_refused_and_buffers_left_out() {
        let signer = Signer::new("");
        let delimiter = Bytes::from(DELIMITER);
        assert!(Message::read(vec![delimiter.clone()], &signer).is_none());
        assert!(Message::read(vec![delimiter; 2], &signer).is_none());
        assert!(Message::read(Vec::new(), &signer).is_none());
        let mut frames = request(&signer).frames(&signer);
        let length = frames.len();
        frames.push(Bytes::from("buffer"));
        let message = Message::read(frames, &signer).unwrap();
        assert_eq!(message.frames(&signer).len(), length);
    }

    #[test]
    fn the_signature_is_that_of_jupyter() {
        // Python: hmac.new(b"key", b"{}" * 4, "sha256").hexdigest()
        let parts = vec![Bytes::from_static(b"{}"); 4];
        assert_eq!(
            Signer::new("key").sign(&parts),
            "ca767b02c5bc061ed184a9a029e7f93a7f2f7ed4e8fe74120fc1212f0b008fa3"
        );
    }

    #[test]
    fn a_child_names_its_parent_and_takes_its_route() {
        let signer = Signer::new("key");
        let parent = request(&signer);
        let reply = parent.child(
            "execute_reply",
            "2".to_owned(),
            &json!({"status": "aborted"}),
        );
        let reply = reply.through(&signer);
        assert_eq!((reply.parent.as_str(), reply.id()), ("1", "2"));
        assert_eq!(reply.kind(), "execute_reply");
        assert_eq!(reply.content()["status"], "aborted");
        assert_eq!(reply.header["session"], "s");
        assert_eq!(reply.frames(&signer)[0], Bytes::from_static(b"client"));
    }
}
