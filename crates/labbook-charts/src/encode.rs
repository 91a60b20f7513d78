use std::collections::HashMap;

use png::{BitDepth, ColorType, Compression, Encoder, Filter, PixelDimensions, Unit};

/// 192 dots per inch: two per CSS pixel, so that programs which honour the density print a
/// figure at the size it has on screen.
const PIXELS_PER_METRE: u32 = 7559;

/// Encodes RGB pixels: through a palette if they have at most 256 colours, else as they are.
/// The same pixels always give the same bytes.
pub(crate) fn encode(rgb: &[u8], width: u32, height: u32) -> Result<Vec<u8>, png::EncodingError> {
    if let Some((palette, indices)) = indexed(rgb) {
        return write(&indices, width, height, Some(palette), Filter::NoFilter);
    }
    // Photographs want filters, flat charts do not; which it is shows in the result.
    let plain = write(rgb, width, height, None, Filter::NoFilter)?;
    let filtered = write(rgb, width, height, None, Filter::Adaptive)?;
    Ok(if filtered.len() < plain.len() {
        filtered
    } else {
        plain
    })
}

fn write(
    data: &[u8],
    width: u32,
    height: u32,
    palette: Option<Vec<u8>>,
    filter: Filter,
) -> Result<Vec<u8>, png::EncodingError> {
    let mut bytes = Vec::new();
    let mut encoder = Encoder::new(&mut bytes, width, height);
    encoder.set_depth(BitDepth::Eight);
    match palette {
        Some(palette) => {
            encoder.set_color(ColorType::Indexed);
            encoder.set_palette(palette);
        }
        None => encoder.set_color(ColorType::Rgb),
    }
    encoder.set_compression(Compression::High);
    encoder.set_filter(filter);
    encoder.set_pixel_dims(Some(PixelDimensions {
        xppu: PIXELS_PER_METRE,
        yppu: PIXELS_PER_METRE,
        unit: Unit::Meter,
    }));
    let mut writer = encoder.write_header()?;
    writer.write_image_data(data)?;
    writer.finish()?;
    Ok(bytes)
}

/// The palette and one index per pixel, or nothing if there are more than 256 colours.
fn indexed(rgb: &[u8]) -> Option<(Vec<u8>, Vec<u8>)> {
    let mut palette = Vec::new();
    let mut known: HashMap<[u8; 3], u8> = HashMap::new();
    let mut indices = Vec::with_capacity(rgb.len() / 3);
    for pixel in rgb.chunks_exact(3) {
        let color = [pixel[0], pixel[1], pixel[2]];
        let index = match known.get(&color) {
            Some(&index) => index,
            None => {
                let index = u8::try_from(known.len()).ok()?;
                known.insert(color, index);
                palette.extend_from_slice(&color);
                index
            }
        };
        indices.push(index);
    }
    Some((palette, indices))
}

/// The RGB pixels of a PNG that [`encode`] wrote.
pub(crate) fn decode(png: &[u8]) -> Result<Vec<u8>, png::DecodingError> {
    let mut decoder = png::Decoder::new(std::io::Cursor::new(png));
    decoder.set_transformations(png::Transformations::EXPAND);
    let mut reader = decoder.read_info()?;
    let mut rgb = vec![0; reader.output_buffer_size().unwrap_or(0)];
    reader.next_frame(&mut rgb)?;
    Ok(rgb)
}
