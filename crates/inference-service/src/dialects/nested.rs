//! Tensors as nested lists of JSON.

use serde::Serialize;
use serde::ser::{SerializeMap, SerializeSeq, Serializer};

use crate::model::{Tensor, TensorValues};

/// A part of a tensor: the elements from `start` on, in the sizes of `shape`. Without sizes it is one element.
#[derive(Clone, Copy)]
pub(super) struct NestedPart<'a> {
    pub(super) values: &'a TensorValues,
    pub(super) shape: &'a [usize],
    pub(super) start: usize,
    /// The names of the numbers in the innermost lists, which are objects then.
    pub(super) names: Option<&'a [String]>,
}

impl<'a> NestedPart<'a> {
    /// All of a tensor.
    pub(super) fn whole(tensor: &'a Tensor, names: Option<&'a [String]>) -> Self {
        let names = names.filter(|names| tensor.shape().last() == Some(&names.len()));
        Self { values: tensor.values(), shape: tensor.shape(), start: 0, names }
    }

    /// The parts along the first size; none of a single element.
    pub(super) fn parts(self) -> impl Iterator<Item = Self> {
        let (count, shape) = self.shape.split_first().map_or((0, self.shape), |(count, rest)| (*count, rest));
        let size: usize = shape.iter().product();
        (0..count).map(move |index| Self { shape, start: self.start + index * size, ..self })
    }
}

impl Serialize for NestedPart<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match (self.shape, self.names) {
            ([], _) => element(self.values, self.start, serializer),
            ([count], Some(names)) => {
                let mut members = serializer.serialize_map(Some(*count))?;
                for (name, part) in names.iter().zip(self.parts()) {
                    members.serialize_entry(name, &Self { names: None, ..part })?;
                }
                members.end()
            }
            ([count, ..], _) => {
                let mut list = serializer.serialize_seq(Some(*count))?;
                for part in self.parts() {
                    list.serialize_element(&part)?;
                }
                list.end()
            }
        }
    }
}

/// One element; NaN and infinity, which JSON does not have, are `null`.
fn element<S: Serializer>(values: &TensorValues, index: usize, serializer: S) -> Result<S::Ok, S::Error> {
    match values {
        TensorValues::Fp16(elements) => elements.get(index).map(|number| number.to_f32()).serialize(serializer),
        TensorValues::Bf16(elements) => elements.get(index).map(|number| number.to_f32()).serialize(serializer),
        TensorValues::Bool(elements) => elements.get(index).serialize(serializer),
        TensorValues::Uint8(elements) => elements.get(index).serialize(serializer),
        TensorValues::Uint16(elements) => elements.get(index).serialize(serializer),
        TensorValues::Uint32(elements) => elements.get(index).serialize(serializer),
        TensorValues::Uint64(elements) => elements.get(index).serialize(serializer),
        TensorValues::Int8(elements) => elements.get(index).serialize(serializer),
        TensorValues::Int16(elements) => elements.get(index).serialize(serializer),
        TensorValues::Int32(elements) => elements.get(index).serialize(serializer),
        TensorValues::Int64(elements) => elements.get(index).serialize(serializer),
        TensorValues::Fp32(elements) => elements.get(index).serialize(serializer),
        TensorValues::Fp64(elements) => elements.get(index).serialize(serializer),
        TensorValues::Bytes(elements) => elements.get(index).serialize(serializer),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn text(part: NestedPart<'_>) -> String {
        serde_json::to_string(&part).unwrap()
    }

    #[test]
    fn lists_are_nested_as_the_shape_says() {
        let tensor = |shape: &[usize]| Tensor::new(shape.to_vec(), TensorValues::Int64((0..6).collect())).unwrap();
        assert_eq!(text(NestedPart::whole(&tensor(&[2, 3]), None)), "[[0,1,2],[3,4,5]]");
        assert_eq!(text(NestedPart::whole(&tensor(&[3, 1, 2]), None)), "[[[0,1]],[[2,3]],[[4,5]]]");
        let last = NestedPart::whole(&tensor(&[2, 3]), None).parts().last().map(text);
        assert_eq!(last.as_deref(), Some("[3,4,5]"));
        let scalar = Tensor::new(vec![], TensorValues::Fp32(vec![f32::NAN])).unwrap();
        assert_eq!(text(NestedPart::whole(&scalar, None)), "null");
    }

    #[test]
    fn numbers_with_names_are_objects() {
        let tensor = Tensor::new(vec![2, 2], TensorValues::Fp32(vec![0.25, 0.75, 1.0, 0.0])).unwrap();
        let names = ["no".to_owned(), "yes".to_owned()];
        let whole = NestedPart::whole(&tensor, Some(&names));
        assert_eq!(text(whole), r#"[{"no":0.25,"yes":0.75},{"no":1.0,"yes":0.0}]"#);
        let others = ["one".to_owned()];
        assert_eq!(text(NestedPart::whole(&tensor, Some(&others))), "[[0.25,0.75],[1.0,0.0]]");
    }
}
