/// Printed text as it looks once every line is finished: what a carriage return overwrites is gone.
///
/// For runs that nobody watches, whose outputs a file keeps as they came.
#[derive(Debug, Default)]
pub(super) struct Lines {
    rest: String,
}

impl Lines {
    /// Takes text; gives back the lines that it finishes.
    pub(super) fn add(&mut self, text: &str) -> String {
        self.rest.push_str(text);
        let Some(end) = self.rest.rfind('\n') else {
            return String::new();
        };
        let rest = self.rest.split_off(end + 1);
        let lines = std::mem::replace(&mut self.rest, rest);
        lines.lines().map(|line| finished(line) + "\n").collect()
    }

    /// Takes out a line that has no end.
    pub(super) fn take_rest(&mut self) -> String {
        finished(&std::mem::take(&mut self.rest))
    }
}

fn finished(line: &str) -> String {
    let mut shown: Vec<char> = Vec::new();
    for part in line.split('\r') {
        for (place, character) in part.chars().enumerate() {
            match shown.get_mut(place) {
                Some(old) => *old = character,
                None => shown.push(character),
            }
        }
    }
    let shown: String = shown.into_iter().collect();
    // Spaces that only wiped out a longer text.
    if line.contains('\r') {
        shown.trim_end().to_owned()
    } else {
        shown
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_finished_lines_come_and_only_what_is_left_of_them() {
        let mut lines = Lines::default();
        assert_eq!(lines.add("Epoch 1\n\r 1/9 [>....] - ETA: 9s"), "Epoch 1\n");
        assert_eq!(lines.add("\r 8/9 [===>.] - ETA: 1s"), "");
        assert_eq!(
            lines.add("\r9/9 - 1s              \nnext  \npart"),
            "9/9 - 1s\nnext  \n"
        );
        assert_eq!(lines.take_rest(), "part");
        assert_eq!(lines.take_rest(), "");
    }
}
