//! Tables as CSV.

use std::borrow::Cow;

use axum::body::Bytes;
use monitoring::ApiError;

use super::bounded_list::too_many;
use super::number_cells::NumberCells;
use super::refusal::invalid;
use super::table::{CellText, Table};

/// Whether the first line has the names of the columns.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum CsvHeader {
    Present,
    Absent,
    /// The client has not said it: a first line of numbers is a row, as clients of SageMaker send them; any other has names.
    Unsaid,
}

/// Reads CSV of at most `most` rows.
///
/// # Errors
/// `invalid_request` for what is no CSV, and for rows that differ in their number of cells; `too_large` for more rows.
pub(super) fn table(body: &Bytes, header: CsvHeader, most: usize) -> Result<Table<'static>, ApiError> {
    let body = body.strip_prefix(b"\xef\xbb\xbf").unwrap_or(body);
    let mut lines = csv::ReaderBuilder::new().has_headers(false).from_reader(body).into_records();
    let read = |record: Result<csv::StringRecord, csv::Error>| {
        record.map_err(|problem| invalid(format!("The CSV cannot be read: {}.", shown(&problem))).quoting_nothing())
    };
    let Some(first) = lines.next().map(read).transpose()? else {
        return Err(invalid(
            "The CSV has no line; send a line with the names of the columns, and a line for each row.",
        )
        .quoting_nothing());
    };
    let has_names = match header {
        CsvHeader::Present => true,
        CsvHeader::Absent => false,
        CsvHeader::Unsaid => !first.iter().all(|cell| cell.trim().parse::<f64>().is_ok()),
    };
    let row = |record: &csv::StringRecord| record.iter().map(|cell| Cow::Owned(cell.to_owned())).collect();
    let names = has_names.then(|| first.iter().map(|name| name.trim().to_owned()).collect());
    let mut rows: Vec<Vec<Cow<'static, str>>> = if has_names { Vec::new() } else { vec![row(&first)] };
    let mut count = rows.len();
    for record in lines {
        let record = read(record)?;
        count += 1;
        if count <= most {
            rows.push(row(&record));
        }
    }
    match count {
        0 => Err(invalid("The CSV has names of columns and no row.").quoting_nothing()),
        count if count > most => Err(too_many(count, most)),
        _ => Ok(Table { names, rows, cells: CellText::Csv, numbers: NumberCells::Numbers }),
    }
}

/// The problem without the words of a library.
fn shown(problem: &csv::Error) -> String {
    match problem.kind() {
        csv::ErrorKind::UnequalLengths { pos, expected_len, len } => {
            let line = pos.as_ref().map_or_else(String::new, |pos| format!("line {} ", pos.line()));
            format!("{line}has {len} cells, and the first {expected_len}")
        }
        csv::ErrorKind::Utf8 { .. } => "it is no text in UTF-8".to_owned(),
        _ => "it ends inside of a cell".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &'static str, header: CsvHeader) -> Result<(Option<Vec<String>>, usize), String> {
        let table = table(&Bytes::from_static(text.as_bytes()), header, 3);
        table.map(|table| (table.names, table.rows.len())).map_err(|refusal| refusal.message)
    }

    #[test]
    fn a_first_line_of_numbers_is_a_row() {
        let names = || Some(vec!["a".to_owned(), "b".to_owned()]);
        assert_eq!(read("a,b\n1,2\n", CsvHeader::Unsaid), Ok((names(), 1)));
        assert_eq!(read("\u{feff}a,\"b\"\r\n1,\"x, y\"\r\n", CsvHeader::Unsaid), Ok((names(), 1)));
        assert_eq!(read("1,2\n3,4\n", CsvHeader::Unsaid), Ok((None, 2)));
        assert_eq!(read("1,2\n3,4\n", CsvHeader::Present), Ok((Some(vec!["1".to_owned(), "2".to_owned()]), 1)));
        assert_eq!(read("a,b\n", CsvHeader::Absent), Ok((None, 1)));
    }

    #[test]
    fn what_is_no_table_is_refused() {
        for (text, says) in [
            ("", "no line"),
            ("a,b\n", "no row"),
            ("a,b\n1\n", "line 2 has 1 cells, and the first 2"),
            ("a\nb\nb\nb\nb\n", "has 4 rows, and at most 3"),
        ] {
            let refusal = read(text, CsvHeader::Unsaid);
            assert!(refusal.as_ref().is_err_and(|message| message.contains(says)), "{text}: {refusal:?}");
        }
    }
}
