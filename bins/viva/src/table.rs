//! Columns for a terminal. Hangul takes two cells, so widths are counted, not assumed.

use std::fmt::Write as _;

/// Rows under a heading, each column as wide as its widest cell.
#[derive(Debug)]
pub(crate) struct Table<const N: usize> {
    rows: Vec<[String; N]>,
    /// Columns that hold numbers stand to the right.
    numeric: [bool; N],
}

impl<const N: usize> Table<N> {
    pub(crate) fn new(heading: [&str; N], numeric: [bool; N]) -> Self {
        Self { rows: vec![heading.map(str::to_owned)], numeric }
    }

    pub(crate) fn row(&mut self, cells: [String; N]) {
        self.rows.push(cells);
    }
}

impl<const N: usize> std::fmt::Display for Table<N> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let widths: [usize; N] = std::array::from_fn(|c| self.rows.iter().map(|row| cells(&row[c])).max().unwrap_or(0));
        for (index, row) in self.rows.iter().enumerate() {
            let mut line = String::new();
            for (column, text) in row.iter().enumerate() {
                let gap = " ".repeat(widths[column] - cells(text));
                let (before, after) = if self.numeric[column] { (gap.as_str(), "") } else { ("", gap.as_str()) };
                write!(line, "{before}{text}{after}  ")?;
            }
            writeln!(f, "  {}", line.trim_end())?;
            if index == 0 {
                writeln!(f, "  {}", "-".repeat(widths.iter().sum::<usize>() + 2 * (N - 1)))?;
            }
        }
        Ok(())
    }
}

/// The first cells of `text`, with an ellipsis where it is longer.
pub(crate) fn clip(text: &str, width: usize) -> String {
    if cells(text) <= width {
        return text.to_owned();
    }
    let mut taken = 0;
    let short: String = text.chars().take_while(|c| (taken += cell(*c), taken < width).1).collect();
    format!("{}…", short.trim_end())
}

fn cells(text: &str) -> usize {
    text.chars().map(cell).sum()
}

/// Cells of a character: two for what East Asian fonts draw wide, after the blocks that a Korean text meets.
fn cell(character: char) -> usize {
    match u32::from(character) {
        0x1100..=0x115F | 0x2E80..=0xA4CF | 0xAC00..=0xD7A3 | 0xF900..=0xFAFF | 0xFE30..=0xFE6F | 0xFF00..=0xFF60 | 0x1F300..=0x1FAFF => 2,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hangul_and_latin_line_up() {
        let mut table = Table::new(["id", "질문"], [true, false]);
        table.row(["1".to_owned(), "가나다".to_owned()]);
        assert_eq!(table.to_string(), "  id  질문\n  ----------\n   1  가나다\n");
        assert_eq!((clip("가나다라", 6), clip("가나", 6)), ("가나…".to_owned(), "가나".to_owned()));
    }
}
