//! Tables of text: columns as wide as they need to be, numbers to the right.

use super::{Ink, Screen};

/// Where the text of a column stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Align {
    /// Words.
    Left,
    /// Numbers.
    Right,
}

/// Rows of text under a heading.
#[derive(Debug, Clone)]
pub(crate) struct Table {
    heads: Vec<(String, Align)>,
    rows: Vec<Vec<String>>,
}

impl Table {
    /// A table with these columns.
    pub(crate) fn new(heads: &[(&str, Align)]) -> Self {
        Self { heads: heads.iter().map(|(name, align)| ((*name).to_owned(), *align)).collect(), rows: Vec::new() }
    }

    /// Adds a column at the right.
    pub(crate) fn column(&mut self, name: impl Into<String>, align: Align) {
        self.heads.push((name.into(), align));
    }

    /// Adds a row; missing cells are empty.
    pub(crate) fn row(&mut self, cells: impl IntoIterator<Item = String>) {
        self.rows.push(cells.into_iter().collect());
    }

    /// The table as lines, two spaces between columns.
    pub(crate) fn render(&self, screen: &Screen) -> String {
        let width = |column: usize| {
            let cells = self.rows.iter().filter_map(|r| r.get(column)).map(|c| console::measure_text_width(c));
            cells.chain([console::measure_text_width(&self.heads[column].0)]).max().unwrap_or(0)
        };
        let widths: Vec<usize> = (0..self.heads.len()).map(width).collect();
        let heads: Vec<&str> = self.heads.iter().map(|h| h.0.as_str()).collect();
        let mut out = screen.paint(Ink::Bold, &self.line(&heads, &widths));
        out.push('\n');
        for row in &self.rows {
            let cells: Vec<&str> = row.iter().map(String::as_str).collect();
            out.push_str(&self.line(&cells, &widths));
            out.push('\n');
        }
        out
    }

    fn line(&self, cells: &[&str], widths: &[usize]) -> String {
        let mut line = String::new();
        for (column, ((_, align), width)) in self.heads.iter().zip(widths).enumerate() {
            let cell = cells.get(column).copied().unwrap_or_default();
            let space = " ".repeat(width.saturating_sub(console::measure_text_width(cell)));
            if column > 0 {
                line.push_str("  ");
            }
            match align {
                Align::Left => line.extend([cell, &space]),
                Align::Right => line.extend([&space, cell]),
            }
        }
        line.truncate(line.trim_end().len());
        line
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_are_as_wide_as_they_need_to_be() {
        let mut table = Table::new(&[("model", Align::Left), ("wape", Align::Right)]);
        table.row(["seasonal_naive[24]".into(), "0.1".into()]);
        table.row(["naive".into()]);
        let screen = Screen { terminal: false, color: false, columns: 80, rows: 24 };
        assert_eq!(table.render(&screen), "model               wape\nseasonal_naive[24]   0.1\nnaive\n");
    }
}
