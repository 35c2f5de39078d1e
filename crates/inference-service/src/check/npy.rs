//! One array of NumPy: a header that reads like Python, and its elements.
//!
//! Rule of thumb: what is read is what `numpy.save` writes of numbers, truth values and texts, in either order of bytes and
//! dimensions. Pickled objects are refused: to read them is to run them.

use crate::model::{Datatype, Tensor, TensorValues};

const MAGIC: &[u8] = b"\x93NUMPY";

/// What the header says.
struct NpyHeader<'a> {
    /// For example `<f4`.
    descr: &'a str,
    /// Whether the first dimension changes fastest.
    fortran_order: bool,
    shape: Vec<usize>,
}

/// The array in a file's bytes.
///
/// # Errors
/// What is wrong, as a sentence.
pub(super) fn parse(bytes: &[u8]) -> Result<Tensor, String> {
    let broken = || "it is no array of NumPy".to_owned();
    let rest = bytes.strip_prefix(MAGIC).ok_or_else(broken)?;
    let (version, rest) = rest.split_at_checked(2).ok_or_else(broken)?;
    let (length, rest) = match version[0] {
        1 => rest.split_first_chunk::<2>().map(|(length, rest)| (u16::from_le_bytes(*length) as usize, rest)),
        2 | 3 => rest.split_first_chunk::<4>().map(|(length, rest)| (u32::from_le_bytes(*length) as usize, rest)),
        _ => None,
    }
    .ok_or_else(broken)?;
    let (header, content) = rest.split_at_checked(length).ok_or_else(broken)?;
    let NpyHeader { descr, fortran_order, shape } =
        std::str::from_utf8(header).ok().and_then(NpyHeader::parse).ok_or_else(broken)?;
    let count = shape.iter().try_fold(1_usize, |count, size| count.checked_mul(*size)).ok_or_else(broken)?;
    let values = elements(descr, content, count)?;
    let tensor = |shape| Tensor::new(shape, values).ok_or_else(broken);
    if !fortran_order || shape.len() < 2 {
        return tensor(shape);
    }
    let turned = tensor(shape.iter().rev().copied().collect())?;
    Ok(transposed(&turned))
}

impl<'a> NpyHeader<'a> {
    fn parse(text: &'a str) -> Option<Self> {
        let behind = |key: &str| Some(text.split_once(&format!("'{key}':"))?.1.trim_start());
        // A structured type is a list here.
        let descr = behind("descr")?.strip_prefix('\'')?.split_once('\'')?.0;
        let fortran_order = behind("fortran_order")?.starts_with("True");
        let sizes = behind("shape")?.strip_prefix('(')?.split_once(')')?.0;
        let sizes = sizes.split(',').map(str::trim).filter(|size| !size.is_empty());
        Some(Self { descr, fortran_order, shape: sizes.map(|size| size.parse().ok()).collect::<Option<_>>()? })
    }
}

/// The elements, in the order of the file.
fn elements(descr: &str, content: &[u8], count: usize) -> Result<TensorValues, String> {
    let (order, kind) = descr.split_at_checked(1).unwrap_or_default();
    let unknown = || format!("its type {descr:?} is none that a model takes; numpy.ndarray.astype makes another one");
    if kind.starts_with('O') {
        return Err("it holds pickled objects, which are not read; .astype(str) makes texts of them".to_owned());
    }
    if let Some(width) = kind.strip_prefix('U').and_then(|width| width.parse::<usize>().ok()) {
        return texts(content, count, 4 * width, |bytes| utf32(bytes, order == ">"));
    }
    if let Some(width) = kind.strip_prefix('S').and_then(|width| width.parse::<usize>().ok()) {
        return texts(content, count, width, |bytes| {
            let end = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
            String::from_utf8(bytes[..end].to_vec()).ok()
        });
    }
    let (datatype, width) = match kind {
        "b1" => (Datatype::Bool, 1),
        "u1" => (Datatype::Uint8, 1),
        "u2" => (Datatype::Uint16, 2),
        "u4" => (Datatype::Uint32, 4),
        "u8" => (Datatype::Uint64, 8),
        "i1" => (Datatype::Int8, 1),
        "i2" => (Datatype::Int16, 2),
        "i4" => (Datatype::Int32, 4),
        "i8" => (Datatype::Int64, 8),
        "f2" => (Datatype::Fp16, 2),
        "f4" => (Datatype::Fp32, 4),
        "f8" => (Datatype::Fp64, 8),
        _ => return Err(unknown()),
    };
    let little = match order {
        ">" => content.chunks(width).flat_map(|bytes| bytes.iter().rev().copied()).collect(),
        _ => content.to_vec(),
    };
    TensorValues::from_bytes(datatype, &little, count).ok_or_else(|| "it ends early".to_owned())
}

fn texts(
    content: &[u8],
    count: usize,
    width: usize,
    text: impl Fn(&[u8]) -> Option<String>,
) -> Result<TensorValues, String> {
    if content.len() != count.saturating_mul(width) {
        return Err("it ends early".to_owned());
    }
    let texts: Option<Vec<String>> =
        (0..count).map(|index| text(&content[index * width..(index + 1) * width])).collect();
    texts.map(TensorValues::Bytes).ok_or_else(|| "it holds texts that are no Unicode".to_owned())
}

/// A text of four bytes for each character, filled up with zeros.
fn utf32(bytes: &[u8], is_big_endian: bool) -> Option<String> {
    let (fours, _) = bytes.as_chunks::<4>();
    let number = |four: &[u8; 4]| if is_big_endian { u32::from_be_bytes(*four) } else { u32::from_le_bytes(*four) };
    let characters: Option<String> = fours.iter().map(|four| char::from_u32(number(four))).collect();
    characters.map(|text| text.trim_end_matches('\0').to_owned())
}

/// The tensor with its dimensions in the opposite order.
fn transposed(tensor: &Tensor) -> Tensor {
    let [from, to] = [tensor.shape().to_vec(), tensor.shape().iter().rev().copied().collect::<Vec<_>>()];
    let steps: Vec<usize> = (0..from.len()).map(|dimension| from[dimension + 1..].iter().product()).collect();
    let place = |mut index: usize| {
        let mut place = 0;
        // The last dimension of the result changes fastest, and is the first of the origin.
        for (dimension, size) in to.iter().enumerate().rev() {
            place += index % size * steps[from.len() - 1 - dimension];
            index /= size;
        }
        place
    };
    let places: Vec<usize> = (0..tensor.values().len()).map(place).collect();
    Tensor::new(to.clone(), tensor.values().picked(&places)).unwrap_or_else(|| tensor.clone())
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn npy(descr: &str, fortran_order: &str, shape: &str, content: &[u8]) -> Vec<u8> {
        let header = format!("{{'descr': '{descr}', 'fortran_order': {fortran_order}, 'shape': {shape}, }}\n");
        [MAGIC, &[1, 0], &(header.len() as u16).to_le_bytes(), header.as_bytes(), content].concat()
    }

    #[test]
    fn numbers_come_in_both_orders() {
        let little: Vec<u8> = [1.5_f32, -2.0].iter().flat_map(|number| number.to_le_bytes()).collect();
        let big: Vec<u8> = [1.5_f32, -2.0].iter().flat_map(|number| number.to_be_bytes()).collect();
        for bytes in [npy("<f4", "False", "(1, 2)", &little), npy(">f4", "False", "(1, 2)", &big)] {
            let array = parse(&bytes).unwrap();
            assert_eq!((array.shape(), array.values()), (&[1, 2][..], &TensorValues::Fp32(vec![1.5, -2.0])));
        }
        assert_eq!(parse(&npy("|u1", "False", "()", &[7])).unwrap().shape(), [0; 0]);
        assert_eq!(
            parse(&npy("|b1", "False", "(2,)", &[1, 0])).unwrap().values(),
            &TensorValues::Bool(vec![true, false])
        );
    }

    #[test]
    fn the_first_dimension_may_change_fastest() {
        // numpy.asfortranarray([[1, 2, 3], [4, 5, 6]]) and its like of three dimensions.
        let array = parse(&npy("|i1", "True", "(2, 3)", &[1, 4, 2, 5, 3, 6])).unwrap();
        assert_eq!((array.shape(), array.values()), (&[2, 3][..], &TensorValues::Int8(vec![1, 2, 3, 4, 5, 6])));
        let array = parse(&npy("|i1", "True", "(2, 1, 3)", &[1, 4, 2, 5, 3, 6])).unwrap();
        assert_eq!((array.shape(), array.values()), (&[2, 1, 3][..], &TensorValues::Int8(vec![1, 2, 3, 4, 5, 6])));
    }

    #[test]
    fn texts_are_filled_up_with_zeros() {
        let wide: Vec<u8> = "aé\0b\0\0".chars().flat_map(|letter| u32::from(letter).to_le_bytes()).collect();
        let texts = |values: &[&str]| TensorValues::Bytes(values.iter().map(|text| (*text).to_owned()).collect());
        assert_eq!(parse(&npy("<U3", "False", "(2,)", &wide)).unwrap().values(), &texts(&["aé", "b"]));
        assert_eq!(parse(&npy("|S2", "False", "(2,)", b"ab\0\0")).unwrap().values(), &texts(&["ab", ""]));
    }

    #[test]
    fn what_is_no_such_array_is_refused() {
        for (bytes, says) in [
            (b"PK".to_vec(), "no array"),
            (npy("<f4", "False", "(2,)", &[0; 4]), "ends early"),
            (npy("|O", "False", "(2,)", b"\x80\x04"), "pickled"),
            (npy("<c8", "False", "(1,)", &[0; 8]), "astype"),
            (npy("<f4", "False", "(18446744073709551615, 2)", &[]), "no array"),
        ] {
            let problem = parse(&bytes).unwrap_err();
            assert!(problem.contains(says), "{problem}");
        }
    }
}
