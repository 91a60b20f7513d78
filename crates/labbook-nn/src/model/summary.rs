use std::fmt;

use crate::TrainingMemory;

/// Where the columns of a chain end: at 45, 85 and 100 % of 65 characters.
const CHAIN: &[usize] = &[29, 55, 65];
/// Where those of a graph end: at 33, 55, 67 and 100 % of 98 characters.
const GRAPH: &[usize] = &[32, 53, 65, 98];

/// The table of a model's layers; displays as Keras 2.4 prints it, to the byte. Of a compiled model
/// one line more says about how much memory a training takes, beside the program and the data.
///
/// ```
/// use labbook_nn::{Dense, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(3).input_shape(4));
/// let summary = model.summary()?;
/// assert_eq!(summary.total_params, 15);
/// println!("{summary}");
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Summary {
    /// Name of the model.
    pub model: String,
    /// `Sequential`, or `Functional` for a model with branches.
    pub class_name: String,
    /// One row per layer.
    pub rows: Vec<SummaryRow>,
    /// Number of all weights.
    pub total_params: i64,
    /// Number of weights that training changes.
    pub trainable_params: i64,
    /// Number of the other weights.
    pub non_trainable_params: i64,
    /// What `fit` takes with its default options, of a compiled model.
    pub training_memory: Option<TrainingMemory>,
}

/// A layer in a summary.
///
/// ```
/// use labbook_nn::{Dense, Sequential};
///
/// # fn main() -> labbook_nn::Result<()> {
/// let mut model = Sequential::new();
/// model.add(Dense::new(3).input_shape(4));
/// let row = &model.summary()?.rows[0];
/// assert_eq!((row.class_name.as_str(), row.output_shape.as_str()), ("Dense", "(None, 3)"));
/// # Ok(())
/// # }
/// ```
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SummaryRow {
    /// Name of the layer.
    pub name: String,
    /// Class of the layer.
    pub class_name: String,
    /// Output shape as Keras writes it: `(None, 30, 30, 32)`.
    pub output_shape: String,
    /// Number of weights.
    pub params: i64,
    /// The layers and inputs that it takes its input from; empty in a chain of layers.
    pub connected_to: Vec<String>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let graph = self.class_name != "Sequential";
        let ends = match graph {
            true => GRAPH,
            false => CHAIN,
        };
        let width = ends.last().copied().unwrap_or_default();
        let thin = "_".repeat(width);
        let thick = "=".repeat(width);
        writeln!(f, "Model: \"{}\"", self.model)?;
        writeln!(f, "{thin}")?;
        let header = ["Layer (type)", "Output Shape", "Param #", "Connected to"];
        writeln!(f, "{}", table_line(&header[..ends.len()], ends))?;
        writeln!(f, "{thick}")?;
        for (i, row) in self.rows.iter().enumerate() {
            let name = format!("{} ({})", row.name, row.class_name);
            let params = row.params.to_string();
            let mut sources = row
                .connected_to
                .iter()
                .map(|source| format!("{source}[0][0]"));
            let source = sources.next().unwrap_or_default();
            let fields = [&name, &row.output_shape, &params, &source].map(String::as_str);
            writeln!(f, "{}", table_line(&fields[..ends.len()], ends))?;
            for source in sources {
                writeln!(f, "{}", table_line(&["", "", "", &source], ends))?;
            }
            let last = i + 1 == self.rows.len();
            writeln!(f, "{}", if last { &thick } else { &thin })?;
        }
        writeln!(f, "Total params: {}", thousands(self.total_params))?;
        writeln!(f, "Trainable params: {}", thousands(self.trainable_params))?;
        writeln!(
            f,
            "Non-trainable params: {}",
            thousands(self.non_trainable_params)
        )?;
        if let Some(memory) = &self.training_memory {
            writeln!(f, "Training memory: about {memory}")?;
        }
        write!(f, "{thin}")
    }
}

/// Keras's rule: a later field takes the place of the last character so far, after a space;
/// then the line is cut or filled to the end of the column.
fn table_line(fields: &[&str], ends: &[usize]) -> String {
    let mut line = String::new();
    for (i, (field, end)) in fields.iter().zip(ends).enumerate() {
        if i > 0 {
            line.pop();
            line.push(' ');
        }
        line.push_str(field);
        line = format!("{:<end$}", line.chars().take(*end).collect::<String>());
    }
    line
}

/// 908362 becomes 908,362.
fn thousands(number: i64) -> String {
    let digits = number.to_string();
    let mut text = String::new();
    for (i, digit) in digits.chars().enumerate() {
        if i > 0 && (digits.len() - i).is_multiple_of(3) {
            text.push(',');
        }
        text.push(digit);
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn thousands_are_separated() {
        for (number, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (8_009_738, "8,009,738"),
        ] {
            assert_eq!(thousands(number), text);
        }
    }

    #[test]
    fn a_long_name_is_cut_at_its_column() {
        assert_eq!(
            table_line(
                &["max_pooling2d_1 (MaxPooling2D)", "(None, 6, 6, 64)", "0"],
                CHAIN
            ),
            "max_pooling2d_1 (MaxPooling2 (None, 6, 6, 64)          0         "
        );
    }
}
