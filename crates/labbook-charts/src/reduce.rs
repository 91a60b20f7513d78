use std::collections::HashMap;

type Color = [u8; 3];

/// The most colours of an indexed PNG.
const PALETTE: usize = 256;
/// At most so many frequent colours stay as they are: paper, axes, legend.
const KEPT: usize = 64;

/// Brings RGB pixels down to 256 colours, so that a cloud of translucent points or a map of
/// photographs takes a third of the bytes.
///
/// Colours that fill at least a thousandth of the picture are kept exactly; the others are
/// gathered by median cut (P. Heckbert, "Color image quantization", 1982).
pub(crate) fn reduce_colors(rgb: &mut [u8]) {
    let mut counts: HashMap<Color, u64> = HashMap::new();
    for (color, count) in runs(rgb) {
        *counts.entry(color).or_default() += count;
    }
    if counts.len() <= PALETTE {
        return;
    }
    let mut colors: Vec<(Color, u64)> = counts.into_iter().collect();
    // By colour among equals: the order of a hash map differs from run to run.
    colors.sort_unstable_by_key(|&(color, count)| (std::cmp::Reverse(count), color));
    let frequent = (rgb.len() / 3 / 1000) as u64;
    let kept = colors
        .iter()
        .take(KEPT)
        .take_while(|&&(_, count)| count >= frequent)
        .count();
    let mut replacement: HashMap<Color, Color> = HashMap::new();
    for group in median_cut(colors.split_off(kept), PALETTE - kept) {
        let mean = mean(&group);
        replacement.extend(group.into_iter().map(|(color, _)| (color, mean)));
    }
    let mut last = None;
    for pixel in rgb.chunks_exact_mut(3) {
        let color = [pixel[0], pixel[1], pixel[2]];
        let new = match last {
            Some((old, new)) if old == color => new,
            _ => *replacement.get(&color).unwrap_or(&color),
        };
        last = Some((color, new));
        pixel.copy_from_slice(&new);
    }
}

/// Stretches of equal pixels and their lengths.
fn runs(rgb: &[u8]) -> Vec<(Color, u64)> {
    let mut runs: Vec<(Color, u64)> = Vec::new();
    for pixel in rgb.chunks_exact(3) {
        let color = [pixel[0], pixel[1], pixel[2]];
        match runs.last_mut() {
            Some((last, count)) if *last == color => *count += 1,
            _ => runs.push((color, 1)),
        }
    }
    runs
}

/// Groups of colours, split again and again where the spread is largest.
fn median_cut(colors: Vec<(Color, u64)>, groups: usize) -> Vec<Vec<(Color, u64)>> {
    // Each group with its widest channel and how far that spreads.
    let measured = |group: Vec<(Color, u64)>| {
        let (channel, spread) = widest(&group);
        (group, channel, spread)
    };
    let mut boxes = vec![measured(colors)];
    while boxes.len() < groups {
        let spreads = boxes.iter().enumerate().map(|(i, b)| (i, b.2));
        let Some((index, spread)) = spreads.max_by(|a, b| a.1.total_cmp(&b.1)) else {
            break;
        };
        if spread <= 0.0 {
            break;
        }
        let (mut group, channel, _) = boxes.swap_remove(index);
        group.sort_unstable_by_key(|&(color, _)| (color[channel], color));
        let half = group.iter().map(|&(_, count)| count).sum::<u64>() / 2;
        let mut below = 0;
        let middle = group.iter().position(|&(_, count)| {
            below += count;
            below > half
        });
        // Neither part may be empty.
        let middle = middle.unwrap_or(0).clamp(1, group.len() - 1);
        let upper = group.split_off(middle);
        boxes.push(measured(group));
        boxes.push(measured(upper));
    }
    boxes.into_iter().map(|(group, _, _)| group).collect()
}

/// The channel with the largest sum of squared deviations, and that sum.
fn widest(group: &[(Color, u64)]) -> (usize, f64) {
    let total: f64 = group.iter().map(|&(_, count)| count as f64).sum();
    let spread = |channel: usize| {
        let weighted = |power: i32| -> f64 {
            let terms = group
                .iter()
                .map(|&(color, count)| count as f64 * f64::from(color[channel]).powi(power));
            terms.sum()
        };
        weighted(2) - weighted(1).powi(2) / total
    };
    let spreads = [0, 1, 2].map(|channel| (channel, spread(channel)));
    let largest = spreads.into_iter().max_by(|a, b| a.1.total_cmp(&b.1));
    match largest {
        Some((channel, spread)) if group.len() > 1 => (channel, spread),
        _ => (0, 0.0),
    }
}

fn mean(group: &[(Color, u64)]) -> Color {
    let total: u64 = group.iter().map(|&(_, count)| count).sum();
    [0, 1, 2].map(|channel| {
        let sum: u64 = group
            .iter()
            .map(|&(color, count)| u64::from(color[channel]) * count)
            .sum();
        ((sum + total / 2) / total.max(1)) as u8
    })
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn few_colours_stay_as_they_are() {
        let mut rgb: Vec<u8> = (0..=255_u8).flat_map(|v| [v, 0, 255 - v]).collect();
        let before = rgb.clone();
        reduce_colors(&mut rgb);
        assert_eq!(rgb, before);
    }

    #[test]
    fn many_become_256_close_ones_and_white_stays_white() {
        let gradient =
            (0..64_u8).flat_map(|y| (0..64_u8).map(move |x| [4 * x, 4 * y, 2 * (x + y)]));
        let mut rgb: Vec<u8> = gradient.flatten().collect();
        rgb.resize(2 * rgb.len(), 255);
        let before = rgb.clone();
        reduce_colors(&mut rgb);
        let colors: HashSet<&[u8]> = rgb.chunks_exact(3).collect();
        assert!(colors.len() <= 256, "{}", colors.len());
        assert!(rgb[before.len() / 2..].iter().all(|&v| v == 255));
        let worst = rgb.iter().zip(&before).map(|(a, b)| a.abs_diff(*b)).max();
        assert!(worst.unwrap() <= 24, "{worst:?}");
    }
}
