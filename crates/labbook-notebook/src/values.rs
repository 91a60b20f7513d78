//! Plain values and the lower crates' types.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use labbook_charts::Figure;
use labbook_data::{Cifar10, ImageSet, Provenance};
use labbook_nn::{Evaluation, Sequential, Summary};

use crate::html::{escape, preformatted};
use crate::render::Render;
use crate::table::Table;

/// Shows a value by its `Debug` text, as the kernel itself would, but without the second
/// compilation that the kernel needs for it.
macro_rules! by_debug {
    ($(($($generic:ident)*) $name:ty;)*) => {
        $(impl<$($generic: std::fmt::Debug),*> Render for $name {
            fn to_html(&self) -> String {
                preformatted(&self.to_plain())
            }

            fn to_plain(&self) -> String {
                format!("{self:?}")
            }
        })*
    };
}

by_debug! {
    () i8; () i16; () i32; () i64; () i128; () isize;
    () u8; () u16; () u32; () u64; () u128; () usize;
    () f32; () f64; () bool; () char; () str; () String;
    (T) Vec<T>; (T) [T]; (T) Option<T>; (A B) (A, B); (A B C) (A, B, C); (A B C D) (A, B, C, D);
}

/// A cell that ends in a loop or a call without a result has nothing to show.
impl Render for () {
    fn to_html(&self) -> String {
        String::new()
    }

    fn to_plain(&self) -> String {
        String::new()
    }
}

impl<T: std::fmt::Debug, const N: usize> Render for [T; N] {
    fn to_html(&self) -> String {
        self[..].to_html()
    }

    fn to_plain(&self) -> String {
        self[..].to_plain()
    }
}

impl Render for Figure {
    fn to_html(&self) -> String {
        format!(
            "<img alt=\"{}\" width=\"{}\" style=\"max-width:100%;height:auto;background:#fff\" \
             src=\"data:image/png;base64,{}\">",
            escape(self.alt()),
            self.width(),
            STANDARD.encode(self.png())
        )
    }

    fn to_plain(&self) -> String {
        format!("[figure: {}]", self.alt())
    }

    fn to_png(&self) -> Option<&[u8]> {
        Some(self.png())
    }
}

impl Render for Summary {
    fn to_html(&self) -> String {
        preformatted(&self.to_plain())
    }

    fn to_plain(&self) -> String {
        self.to_string()
    }
}

impl Render for Sequential {
    fn to_html(&self) -> String {
        preformatted(&self.to_plain())
    }

    fn to_plain(&self) -> String {
        match self.summary() {
            Ok(summary) => summary.to_string(),
            Err(error) => error.to_string(),
        }
    }
}

impl Render for Evaluation {
    fn to_html(&self) -> String {
        preformatted(&self.to_plain())
    }

    fn to_plain(&self) -> String {
        format!("loss: {:.4} - accuracy: {:.4}", self.loss, self.accuracy)
    }
}

impl Render for Provenance {
    fn to_html(&self) -> String {
        escape(&self.to_string())
    }

    fn to_plain(&self) -> String {
        self.to_string()
    }
}

impl Render for ImageSet {
    fn to_html(&self) -> String {
        escape(&self.to_plain())
    }

    fn to_plain(&self) -> String {
        format!(
            "images {:?}, labels {:?}, uint8",
            self.images.shape(),
            self.labels.shape()
        )
    }
}

impl Render for Cifar10 {
    fn to_html(&self) -> String {
        parts(self).to_html()
    }

    fn to_plain(&self) -> String {
        parts(self).to_plain()
    }
}

fn parts(data: &Cifar10) -> Table {
    let mut table =
        Table::new(&["", "images", "labels", "kind"]).caption(data.provenance.to_string());
    for (name, part) in [("train", &data.train), ("test", &data.test)] {
        let shape = |shape: &[usize]| {
            let sizes: Vec<String> = shape.iter().map(usize::to_string).collect();
            format!("({})", sizes.join(", "))
        };
        let (images, labels) = (shape(part.images.shape()), shape(part.labels.shape()));
        table.push(&[name.to_owned(), images, labels, "uint8".to_owned()]);
    }
    table
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn plain_values_look_as_the_kernel_would_show_them() {
        assert_eq!(3.to_plain(), "3");
        assert_eq!(vec![1.5, 2.0].to_plain(), "[1.5, 2.0]");
        assert_eq!([1, 2].to_plain(), "[1, 2]");
        assert_eq!("a<b".to_plain(), "\"a<b\"");
        assert!("a<b".to_html().contains("a&lt;b"));
        assert_eq!((1, "x").to_plain(), "(1, \"x\")");
        assert_eq!(Some(1).to_plain(), "Some(1)");
    }

    #[test]
    fn a_data_set_shows_its_shapes_and_where_it_came_from() {
        let data = labbook_data::cifar10::drawn(20, 10, 0);
        let text = data.to_plain();
        assert!(text.contains("(20, 32, 32, 3)"), "{text}");
        assert!(text.contains("drawn stand-in"), "{text}");
    }
}
