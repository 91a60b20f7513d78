//! What brings a person's own data and weights in and out.

use labbook_data::{NumpyArray, NumpyArrays};
use labbook_nn::{
    AspectRatio, ColorMode, CrossValidation, ImageFolder, ImageInterpolation, ImportedWeights,
    LabelMode, WeightLayout, WeightMap,
};

use crate::html::{Line, Preformatted};
use crate::render::shown_as;
use crate::table::Table;

shown_as!(
    AspectRatio, ColorMode, ImageInterpolation, LabelMode => |value| Line(format!("{value:?}"))
);
shown_as!(ImageFolder => |data| {
    let names = data.class_names();
    let labels = data.labels();
    let mut table = Table::new(["class", "files"]).numeric();
    for (class, name) in names.iter().enumerate() {
        let count = labels.iter().filter(|&&label| label == class as i64).count();
        table.push([name, &count.to_string()]);
    }
    table.caption(format!("{data:?}"))
});
shown_as!(CrossValidation, NumpyArrays, WeightMap => |value| Preformatted(value.to_string()));
shown_as!(ImportedWeights, NumpyArray, WeightLayout => |value| Line(value.to_string()));
