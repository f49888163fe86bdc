//! Rows as kubectl aligns them.

/// Room between columns, and what a column has at least.
const GAP: usize = 3;
const LEAST: usize = 6;

/// Aligns the columns of rows; what is aligned later, is by what was written before as well.
#[derive(Debug, Default)]
pub(crate) struct Sheet {
    widths: Vec<usize>,
}

impl Sheet {
    /// The lines for some rows.
    pub(crate) fn lines(&mut self, rows: &[Vec<String>]) -> String {
        for row in rows {
            for (column, cell) in row.iter().enumerate() {
                let width = (cell.chars().count() + GAP).max(LEAST);
                match self.widths.get_mut(column) {
                    Some(widest) => *widest = width.max(*widest),
                    None => self.widths.push(width),
                }
            }
        }
        rows.iter().map(|row| self.line(row)).collect()
    }

    fn line(&self, row: &[String]) -> String {
        let Some((last, cells)) = row.split_last() else {
            return "\n".to_owned();
        };
        let cells = cells.iter().zip(&self.widths);
        let padded: String = cells.map(|(cell, width)| format!("{cell:width$}")).collect();
        format!("{padded}{last}\n")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(rows: &[&[&str]]) -> Vec<Vec<String>> {
        let row = |row: &&[&str]| row.iter().map(|cell| (*cell).to_owned()).collect();
        rows.iter().map(row).collect()
    }

    #[test]
    fn columns_are_as_wide_as_they_were_before() {
        let mut sheet = Sheet::default();
        let first = sheet.lines(&rows(&[&["NAME", "IP", "AGE"], &["größer", "", "5s"]]));
        assert_eq!(first, "NAME     IP    AGE\ngrößer         5s\n");
        assert_eq!(sheet.lines(&rows(&[&["a", "b", "c"]])), "a        b     c\n");
        assert_eq!(
            sheet.lines(&rows(&[&["longest", "b", "c"]])),
            "longest   b     c\n"
        );
    }
}
