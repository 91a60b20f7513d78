//! Data sets at a glance, and labelled texts.

use labbook_data::{DataCard, TextSet, TextSets};
use labbook_tables::datasets::TableSet;

use crate::html::Paragraph;
use crate::layout::stack;
use crate::render::{Render, shown_as};
use crate::table::Table;

impl Render for DataCard {
    fn to_html(&self) -> String {
        let mut parts: Vec<Box<dyn Render>> = Vec::new();
        let mut facts = Table::new(["", ""]).header_column();
        for (name, value) in &self.facts {
            facts.push([name, value]);
        }
        parts.push(Box::new(facts));
        for card in &self.tables {
            let table = Table::new(&card.header)
                .caption(&card.title)
                .header_column();
            let mut table = match card.title == "examples" {
                true => table,
                false => table.numeric(),
            };
            for row in &card.rows {
                table.push(row);
            }
            parts.push(Box::new(table));
        }
        for warning in &self.warnings {
            parts.push(Box::new(Paragraph(format!("Note: {warning}."))));
        }
        let parts: Vec<&dyn Render> = parts.iter().map(|part| &**part).collect();
        stack(&parts).to_html()
    }

    fn to_plain(&self) -> String {
        self.to_string()
    }
}

shown_as!(TableSet => |set| stack(&[&Paragraph(set.to_string()), &set.frame]));
shown_as!(TextSets => |sets| Paragraph(sets.to_string()));
shown_as!(TextSet => |set| {
    let mut table = Table::new(["text", "class"]);
    for (text, &label) in set.texts.iter().zip(&set.labels).take(5) {
        let class = usize::try_from(label).ok().and_then(|label| set.class_names.get(label));
        table.push([text.as_str(), class.map_or("", String::as_str)]);
    }
    table.caption(format!("{} texts of {} classes", set.len(), set.class_names.len()))
});

#[cfg(test)]
mod tests {
    use labbook_data::data_card;

    use super::*;

    #[test]
    fn a_card_shows_its_facts_tables_and_notes() {
        let set = TextSet::new(vec!["a <b>", "a <b>"], vec![0, 0], &["x & y", "z"]).unwrap();
        let card = data_card(&set).unwrap();
        let html = card.to_html();
        for part in [
            "classes",
            "x &amp; y",
            "a &lt;b&gt;",
            "Note: ",
            "repeated texts",
        ] {
            assert!(html.contains(part), "{part}: {html}");
        }
        assert_eq!(card.to_plain(), card.to_string());
        assert!(set.to_plain().contains("2 texts of 2 classes"));
    }
}
