//! Tensors by the names of a model's inputs.
//!
//! Rule of thumb: each protocol decides how a tensor is written; which input it is for, and whether its shape can be
//! that input's, is decided here for all of them.

use super::error::InputError;
use crate::model::TensorSpec;

/// What was sent for each input, in the order of the model's inputs.
///
/// # Errors
/// [`InputError::WrongName`] for a name that the model does not have, one that is missing, and one that comes twice.
pub(crate) fn in_order<T>(sent: Vec<(String, T)>, specs: &[TensorSpec]) -> Result<Vec<(&TensorSpec, T)>, InputError> {
    let wrong = |problem: String| Err(InputError::WrongName { problem });
    if let Some((unknown, _)) = sent.iter().find(|(name, _)| specs.iter().all(|spec| spec.name != *name)) {
        let there_is = specs.iter().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ");
        return wrong(format!("The model has no input \"{unknown}\"; it has: {there_is}"));
    }
    if sent.len() != specs.len() {
        return wrong(format!("The request has {} inputs; the model takes {}", sent.len(), specs.len()));
    }
    let mut sent: Vec<Option<(String, T)>> = sent.into_iter().map(Some).collect();
    let mut ordered = Vec::with_capacity(specs.len());
    for spec in specs {
        let named = sent.iter_mut().find(|sent| sent.as_ref().is_some_and(|(name, _)| *name == spec.name));
        let Some((_, tensor)) = named.and_then(Option::take) else {
            return wrong(format!("The request has no input \"{}\", or another twice", spec.name));
        };
        ordered.push((spec, tensor));
    }
    Ok(ordered)
}

/// The shape of a whole tensor that is sent in `shape`; `None` if the input does not take it. A scalar may come as `[]`
/// and as `[1]`, for many clients have no tensor without dimensions.
pub(crate) fn whole_shape(spec: &TensorSpec, shape: &[usize]) -> Option<Vec<usize>> {
    let is_scalar = spec.shape.as_ref().is_some_and(Vec::is_empty);
    match shape {
        shape if spec.fits(shape) => Some(shape.to_vec()),
        [1] if is_scalar => Some(Vec::new()),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    fn spec(name: &str, shape: &[Option<usize>]) -> TensorSpec {
        TensorSpec { name: name.to_owned(), datatype: None, shape: Some(shape.to_vec()) }
    }

    #[test]
    fn tensors_go_by_name() {
        let specs = [spec("a", &[]), spec("b", &[])];
        fn sent(names: &[&'static str]) -> Vec<(String, &'static str)> {
            names.iter().map(|name| ((*name).to_owned(), *name)).collect()
        }
        let ordered = in_order(sent(&["b", "a"]), &specs).unwrap();
        assert_eq!(ordered.iter().map(|(_, sent)| *sent).collect::<Vec<_>>(), ["a", "b"]);
        for (names, says) in [
            (&["c", "a"][..], "no input \"c\"; it has: a, b"),
            (&["a"], "1 inputs; the model takes 2"),
            (&["a", "a"], "no input \"b\", or another twice"),
            (&["a", "b", "a"], "3 inputs"),
        ] {
            let refused = in_order(sent(names), &specs).unwrap_err().to_string();
            assert!(refused.contains(says), "{refused}");
        }
    }

    #[test]
    fn scalars_come_with_one_dimension_or_none() {
        let scalar = spec("a", &[]);
        assert_eq!(whole_shape(&scalar, &[]), Some(vec![]));
        assert_eq!(whole_shape(&scalar, &[1]), Some(vec![]));
        for other in [&[0][..], &[2], &[1, 1]] {
            assert_eq!(whole_shape(&scalar, other), None);
        }
        assert_eq!(whole_shape(&spec("b", &[None]), &[1]), Some(vec![1]));
        assert_eq!(whole_shape(&spec("b", &[None]), &[]), None);
    }
}
