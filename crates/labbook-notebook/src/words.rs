use labbook_charts::{BarChart, Figure, LabelledScatter, LineChart};
use labbook_nn::Model;
use ndarray::{ArrayBase, Data, Ix2};
use tch::{Kind, Tensor};

use crate::error::NotebookError;
use crate::tensors::array;

/// So many words are shown at most.
const MOST_WORDS: usize = 15;
/// What stands for a word that is taken away: the place of unknown ones.
const UNKNOWN: i64 = 1;

/// Words at their places in a map of their embedding, such as one of t-SNE; up to a few dozen can be
/// read.
///
/// `map` has one row of two numbers for each word; `title` says what the words are.
///
/// ```
/// use labbook_notebook::plot_words;
/// use ndarray::array;
///
/// let figure = plot_words(&array![[0.0, 1.0], [2.0, 0.5]], ["gold", "oil"], "Metals")?;
/// assert!(figure.alt().contains("gold at (0, 1)"));
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Tensor`] for a map of one column, [`NotebookError::Chart`] unless there is a row
/// for each word.
pub fn plot_words<S, F>(
    map: &ArrayBase<S, Ix2>,
    words: impl IntoIterator<Item = impl AsRef<str>>,
    title: &str,
) -> Result<Figure, NotebookError>
where
    S: Data<Elem = F>,
    F: Copy + Into<f64>,
{
    if map.ncols() < 2 {
        return Err(NotebookError::Tensor {
            what: "map",
            expected: "two columns, x and y".to_owned(),
            received: format!("{}", map.ncols()),
        });
    }
    let column = |index: usize| -> Vec<f64> {
        map.column(index)
            .iter()
            .map(|&value| value.into())
            .collect()
    };
    let plot = LabelledScatter::new(title);
    Ok(plot
        .series("words", &column(0), &column(1), words)
        .figure()?)
}

/// The words of a text that speak most for the class that a model gives it: how much less probable
/// the class is without each.
///
/// `text` is a row of places in the vocabulary, (steps,) or (1, steps), as `TextVectorization` gives
/// them: 0 fills up, and 1, an unknown word, takes the place of each word in turn.
///
/// # Errors
/// [`NotebookError::Tensor`] for another text, [`NotebookError::Model`] when it does not fit the
/// model, [`NotebookError::Chart`] for a text without words.
pub fn plot_telling_words(
    model: &mut Model,
    text: &Tensor,
    vocabulary: &[impl AsRef<str>],
    class_names: &[impl AsRef<str>],
) -> Result<Figure, NotebookError> {
    if text.f_kind()? != Kind::Int64 || !matches!(text.size()[..], [_] | [1, _]) {
        return Err(NotebookError::Tensor {
            what: "text",
            expected: "one row of places in the vocabulary, Int64 shaped [1, steps]".to_owned(),
            received: format!("{:?} shaped {:?}", text.f_kind()?, text.size()),
        });
    }
    let places: Vec<i64> = Vec::try_from(text.f_reshape([-1])?)?;
    let mut words: Vec<i64> = places
        .iter()
        .copied()
        .filter(|&word| word > UNKNOWN)
        .collect();
    words.sort_unstable();
    words.dedup();
    // The text as it is, then without each of its words.
    let mut rows = places.clone();
    for word in &words {
        let without = places.iter().map(|place| match place == word {
            true => UNKNOWN,
            false => *place,
        });
        rows.extend(without);
    }
    let rows = Tensor::f_from_slice(&rows)?.f_reshape([-1, places.len() as i64])?;
    let probabilities = array(&model.predict(&rows)?, "predictions")?;
    let classes = probabilities.len() / (words.len() + 1);
    let numbers: Vec<f32> = probabilities.iter().copied().collect();
    let (whole, rest) = numbers.split_at(classes);
    let of_class = (0..classes).max_by(|&a, &b| whole[a].total_cmp(&whole[b]));
    let class = of_class.unwrap_or_default();
    let mut told: Vec<(f64, &str)> = words
        .iter()
        .zip(rest.chunks(classes.max(1)))
        .map(|(&word, row)| {
            let name = usize::try_from(word)
                .ok()
                .and_then(|word| vocabulary.get(word));
            let lost = f64::from(whole[class]) - f64::from(row[class]);
            (lost.max(0.0), name.map_or("[UNK]", AsRef::as_ref))
        })
        .collect();
    told.sort_by(|a, b| b.0.total_cmp(&a.0).then(a.1.cmp(b.1)));
    told.truncate(MOST_WORDS);
    let name = class_names.get(class).map_or("the class", AsRef::as_ref);
    let (values, names): (Vec<f64>, Vec<&str>) = told.into_iter().unzip();
    let share = 100.0 * f64::from(whole.get(class).copied().unwrap_or_default());
    let title = format!("What speaks for {name} ({share:.1} %)");
    Ok(BarChart::new(title)
        .bars(&names, &values)
        .percent()
        .figure()?)
}

/// A series as it was, and behind it a forecast with the band that it may lie in.
///
/// ```
/// use labbook_notebook::plot_forecast;
///
/// let figure = plot_forecast("Demand", &[3.0, 4.0], &[5.0, 6.0], (&[4.0, 4.0], &[6.0, 8.0]))?;
/// assert!(figure.alt().contains("Forecast from 4.0000 to 6.0000 over 4 values within a band"));
/// # Ok::<(), labbook_notebook::NotebookError>(())
/// ```
///
/// # Errors
/// [`NotebookError::Tensor`] unless the band has as many values as the forecast.
pub fn plot_forecast(
    title: &str,
    seen: &[f64],
    forecast: &[f64],
    (low, high): (&[f64], &[f64]),
) -> Result<Figure, NotebookError> {
    if low.len() != forecast.len() || high.len() != forecast.len() {
        return Err(NotebookError::Tensor {
            what: "band",
            expected: format!("{} values below and above", forecast.len()),
            received: format!("{} and {}", low.len(), high.len()),
        });
    }
    // The forecast begins where the series ends, so that the line has no gap.
    let before = seen.len().saturating_sub(1);
    let behind = |values: &[f64]| -> Vec<f64> {
        let gap = std::iter::repeat_n(f64::NAN, before);
        gap.chain(seen.last().copied())
            .chain(values.iter().copied())
            .collect()
    };
    let chart = LineChart::new(title)
        .series("Seen", seen)
        .series("Forecast", &behind(forecast))
        .band(&behind(low), &behind(high));
    Ok(chart.x_label("Step").figure()?)
}

#[cfg(test)]
mod tests {
    use labbook_nn::Activation::Softmax;
    use labbook_nn::{Dense, Embedding, GlobalAveragePooling1D, Sequential};
    use ndarray::array;
    use tch::Device;

    use super::*;

    #[test]
    fn the_word_that_decides_comes_first() {
        let mut model = Sequential::on(Device::Cpu);
        // Word 3 alone speaks, for class 1.
        let table = Tensor::from_slice(&[0.0_f32, 0.0, 0.0, 9.0]).reshape([4, 1]);
        model.add(Embedding::new(4, 1).weights(&table).input_shape(5));
        model.add(GlobalAveragePooling1D::new());
        model.add(Dense::new(2).activation(Softmax));
        let kernel = Tensor::from_slice(&[-1.0_f32, 1.0]).reshape([1, 2]);
        let mut weights = model.weights().unwrap();
        weights[1].1 = kernel;
        model.set_weights(&weights).unwrap();
        let text = Tensor::from_slice(&[2_i64, 3, 2, 0, 0]).reshape([1, 5]);
        let words = ["", "[UNK]", "the", "gold"];
        let figure = plot_telling_words(&mut model, &text, &words, &["oil", "metal"]).unwrap();
        let alt = figure.alt();
        assert!(
            figure.title().starts_with("What speaks for metal (97"),
            "{}",
            figure.title()
        );
        assert!(alt.find("gold") < alt.find("the 0"), "{alt}");
        let none = Tensor::zeros([1, 5], (Kind::Int64, Device::Cpu));
        assert!(plot_telling_words(&mut model, &none, &words, &["oil"]).is_err());
        let floats = Tensor::zeros([1, 5], (Kind::Float, Device::Cpu));
        assert!(plot_telling_words(&mut model, &floats, &words, &["oil"]).is_err());
    }

    #[test]
    fn maps_and_bands_that_do_not_fit_are_told() {
        assert!(plot_words(&array![[1.0], [2.0]], ["a", "b"], "Words").is_err());
        assert!(plot_words(&array![[1.0, 2.0]], ["a", "b"], "Words").is_err());
        let error = plot_forecast("x", &[1.0], &[2.0, 3.0], (&[1.0], &[3.0, 4.0])).unwrap_err();
        assert!(
            error.to_string().contains("2 values below and above"),
            "{error}"
        );
        assert!(plot_forecast("x", &[], &[2.0], (&[1.0], &[3.0])).is_ok());
    }
}
