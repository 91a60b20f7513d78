//! The lines of a graph: straight down, or across in the space between two ranks.

use std::collections::BTreeMap;

use crate::layered_layout::{LayeredLayout, apart};

/// Space between two ranks without and with lines across, and between two such lines.
pub(crate) const BETWEEN: f64 = 24.0;
const ACROSS: f64 = 34.0;
const TRACK: f64 = 10.0;
/// The first line across, below the boxes.
const FIRST: f64 = 12.0;
/// Space between two arrow heads at one box.
const HEADS: f64 = 20.0;
/// Radius of a bend.
const BEND: f64 = 6.0;

/// A line and its arrow heads.
#[derive(Debug)]
pub(crate) struct Route {
    pub(crate) points: Vec<(f64, f64)>,
    /// The tip of a head that points down.
    pub(crate) down: Option<(f64, f64)>,
    /// The tip of a head that points up.
    pub(crate) up: Option<(f64, f64)>,
}

/// All lines, and where the ranks stand.
#[derive(Debug)]
pub(crate) struct Routes {
    pub(crate) routes: Vec<Route>,
    pub(crate) tops: Vec<f64>,
    pub(crate) bottom: f64,
}

/// The lines that leave one place together.
struct Net {
    upper: usize,
    back: bool,
    stem: f64,
    /// Where each arrives and the place that it arrives at.
    ports: Vec<(f64, usize)>,
    track: usize,
}

impl Net {
    fn is_straight(&self) -> bool {
        self.ports
            .iter()
            .all(|port| (port.0 - self.stem).abs() < 0.5)
    }

    fn span(&self) -> (f64, f64) {
        let span = (self.stem, self.stem);
        self.ports
            .iter()
            .fold(span, |span, port| (span.0.min(port.0), span.1.max(port.0)))
    }

    /// Crossings with another one that runs across below; lines upon each other count as many.
    fn cost_above(&self, below: &Self) -> i64 {
        let (left, right) = self.span();
        let (start, end) = below.span();
        let mut cost = i64::from(left < below.stem && below.stem < right);
        for &(port, _) in &self.ports {
            cost += i64::from(start < port && port < end);
            if (port - below.stem).abs() < 5.0 {
                cost += 100;
            }
        }
        cost
    }
}

/// Leads the lines between boxes `width` by `height`, the first of which stand at `top`.
pub(crate) fn route(layout: &LayeredLayout, top: f64, (width, height): (f64, f64)) -> Routes {
    let mut by_rank: Vec<BTreeMap<(usize, bool), Vec<usize>>> =
        vec![BTreeMap::new(); layout.ranks.len()];
    for link in &layout.links {
        let rank = &mut by_rank[layout.places[link.upper].rank];
        rank.entry((link.upper, link.back))
            .or_default()
            .push(link.lower);
    }
    let mut routes = Vec::new();
    let mut tops = Vec::new();
    let mut y = top;
    for rank in by_rank {
        tops.push(y);
        let floor = y + height;
        let mut nets: Vec<Net> = rank
            .into_iter()
            .map(|((upper, back), lowers)| {
                let aside = if back && upper < layout.boxes {
                    HEADS
                } else {
                    0.0
                };
                Net {
                    upper,
                    back,
                    stem: layout.places[upper].x + aside,
                    ports: lowers.into_iter().map(|lower| (0.0, lower)).collect(),
                    track: 0,
                }
            })
            .collect();
        set_ports(&mut nets, layout, width);
        let tracks = set_tracks(&mut nets);
        let between = match tracks {
            0 => BETWEEN,
            tracks => ACROSS + (tracks - 1) as f64 * TRACK,
        };
        y = floor + between;
        for net in &nets {
            let from_box = net.upper < layout.boxes;
            let start = floor + if from_box { 2.0 } else { -height };
            let across = floor + FIRST + net.track as f64 * TRACK;
            for &(port, lower) in &net.ports {
                let tip = (lower < layout.boxes && !net.back).then_some((port, y - 2.0));
                let end = match (tip, lower < layout.boxes) {
                    (Some(tip), _) => tip.1 - 5.0,
                    (None, true) => y - 2.0,
                    (None, false) => y,
                };
                let up = (net.back && from_box).then_some((net.stem, floor + 2.0));
                let start = if up.is_some() { start + 5.0 } else { start };
                routes.push(Route {
                    points: bent((net.stem, start), across, (port, end)),
                    down: tip,
                    up,
                });
            }
        }
    }
    let bottom = tops.last().copied().unwrap_or(top) + height;
    Routes {
        routes,
        tops,
        bottom,
    }
}

/// Lines arrive at a box where they come from above it, else towards their side.
fn set_ports(nets: &mut [Net], layout: &LayeredLayout, width: f64) {
    let mut arriving: BTreeMap<usize, Vec<(usize, usize)>> = BTreeMap::new();
    for (index, net) in nets.iter_mut().enumerate() {
        for (port, (x, lower)) in net.ports.iter_mut().enumerate() {
            *x = layout.places[*lower].x;
            if *lower < layout.boxes {
                arriving.entry(*lower).or_default().push((index, port));
            }
        }
    }
    for (lower, mut lines) in arriving {
        lines.sort_by(|a, b| nets[a.0].stem.total_cmp(&nets[b.0].stem));
        let middle = layout.places[lower].x;
        let reach = width / 4.0;
        let wanted: Vec<(f64, f64)> = lines
            .iter()
            .map(|&(net, _)| {
                let stem = nets[net].stem;
                let near = stem.clamp(middle - reach, middle + reach);
                // A lone line from afar arrives in the middle.
                let lone = lines.len() == 1 && near != stem;
                (if lone { middle } else { near }, 1.0)
            })
            .collect();
        let step = HEADS.min(width / 3.0 / (lines.len() as f64 - 1.0).max(1.0));
        let offsets: Vec<f64> = (0..lines.len()).map(|i| i as f64 * step).collect();
        for (&(net, port), x) in lines.iter().zip(apart(&wanted, &offsets)) {
            nets[net].ports[port].0 = x;
        }
    }
}

/// Gives each line across a height at which it meets few others; the number of heights.
fn set_tracks(nets: &mut [Net]) -> usize {
    let mut left: Vec<usize> = (0..nets.len())
        .filter(|&i| !nets[i].is_straight())
        .collect();
    let cost = |a: usize, b: usize| nets[a].cost_above(&nets[b]) - nets[b].cost_above(&nets[a]);
    let mut balance: BTreeMap<usize, i64> = left
        .iter()
        .map(|&a| {
            (
                a,
                left.iter().filter(|&&b| b != a).map(|&b| cost(a, b)).sum(),
            )
        })
        .collect();
    let mut order: Vec<usize> = Vec::new();
    while let Some(place) = (0..left.len()).min_by_key(|&place| balance[&left[place]]) {
        let next = left.remove(place);
        order.push(next);
        for &other in &left {
            if let Some(balance) = balance.get_mut(&other) {
                *balance -= cost(other, next);
            }
        }
    }
    let mut placed: Vec<(f64, f64, usize)> = Vec::new();
    for index in order {
        let (start, end) = nets[index].span();
        let track = placed
            .iter()
            .filter(|(left, right, _)| *left < end + TRACK && start < right + TRACK)
            .map(|(_, _, track)| track + 1)
            .max();
        nets[index].track = track.unwrap_or(0);
        placed.push((start, end, nets[index].track));
    }
    placed
        .iter()
        .map(|(_, _, track)| track + 1)
        .max()
        .unwrap_or(0)
}

/// A line down, across and down again with round bends.
fn bent(from: (f64, f64), across: f64, to: (f64, f64)) -> Vec<(f64, f64)> {
    let aside = to.0 - from.0;
    if aside.abs() < 0.5 {
        return vec![from, (from.0, to.1)];
    }
    let radius = BEND.min(aside.abs() / 2.0);
    let side = aside.signum();
    let mut points = vec![from];
    for step in 0..=6 {
        let (sin, cos) = (f64::from(step) * std::f64::consts::PI / 12.0).sin_cos();
        points.push((
            from.0 + side * radius * (1.0 - cos),
            across - radius * (1.0 - sin),
        ));
    }
    for step in 0..=6 {
        let (sin, cos) = (f64::from(step) * std::f64::consts::PI / 12.0).sin_cos();
        points.push((
            to.0 - side * radius * (1.0 - sin),
            across + radius * (1.0 - cos),
        ));
    }
    points.push(to);
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_runs_through_a_box() {
        let edges = [
            (0, 1),
            (1, 2),
            (2, 3),
            (0, 3),
            (0, 4),
            (4, 3),
            (1, 5),
            (3, 5),
            (5, 1),
        ];
        let layout = LayeredLayout::new(6, &edges, 100.0, 1000).unwrap();
        let routes = route(&layout, 0.0, (100.0, 40.0));
        assert_eq!(
            routes
                .routes
                .iter()
                .filter(|route| route.down.is_some())
                .count(),
            8
        );
        assert_eq!(
            routes
                .routes
                .iter()
                .filter(|route| route.up.is_some())
                .count(),
            1
        );
        for place in &layout.places[..6] {
            let (top, bottom) = (routes.tops[place.rank], routes.tops[place.rank] + 40.0);
            for piece in routes
                .routes
                .iter()
                .flat_map(|route| route.points.windows(2))
            {
                let beside = piece.iter().all(|p| p.0 < place.x - 50.0)
                    || piece.iter().all(|p| p.0 > place.x + 50.0);
                let clear = piece.iter().all(|p| p.1 <= top) || piece.iter().all(|p| p.1 >= bottom);
                assert!(
                    beside || clear,
                    "{piece:?} through the box at {}, {top}",
                    place.x
                );
            }
        }
    }
}
