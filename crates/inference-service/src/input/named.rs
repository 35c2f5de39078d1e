//! Tensors by the names of a model's inputs.
//!
//! Rule of thumb: each protocol decides how a tensor is written; which input it is for, and whether its shape can be
//! that input's, is decided here for all of them.

use super::error::InputError;
use crate::model::{ConstantInputs, Signature, TensorSpec};

/// What was sent, by the inputs that it is for.
#[derive(Debug)]
pub(crate) struct SentInputs<'a, T> {
    /// For each input that a run needs, in their order.
    pub(crate) required: Vec<(&'a TensorSpec, T)>,
    /// For optional inputs.
    pub(crate) optional: Vec<SentOptional<'a, T>>,
}

/// What was sent for an optional input.
#[derive(Debug)]
pub(crate) struct SentOptional<'a, T> {
    /// The place of the input among the optional ones.
    pub(crate) position: usize,
    pub(crate) spec: &'a TensorSpec,
    pub(crate) sent: T,
}

/// What was sent for each input, in the order of the model's inputs.
///
/// # Errors
/// [`InputError::WrongName`] for a name that the model does not have, one whose value is always the file's, one that is
/// missing, and one that comes twice.
pub(crate) fn in_order<T>(sent: Vec<(String, T)>, signature: &Signature) -> Result<SentInputs<'_, T>, InputError> {
    let wrong = |problem: String| Err(InputError::WrongName { problem });
    let Signature { inputs: specs, optional: optional_specs, constant, .. } = signature;
    let all = || specs.iter().chain(optional_specs);
    if let Some((unknown, _)) = sent.iter().find(|(name, _)| all().all(|spec| spec.name != *name)) {
        if let Some(ConstantInputs { because, .. }) = constant.as_ref().filter(|it| it.names.contains(unknown)) {
            return wrong(format!("The value of \"{unknown}\" is always the file's: {because}; or leave it out"));
        }
        let there_is = all().map(|spec| spec.name.as_str()).collect::<Vec<_>>().join(", ");
        return wrong(format!("The model has no input \"{unknown}\"; it has: {there_is}"));
    }
    let place = |name: &str| optional_specs.iter().position(|spec| spec.name == name);
    let mut optional: Vec<SentOptional<'_, T>> = Vec::new();
    let mut others = Vec::with_capacity(sent.len());
    for (name, sent) in sent {
        match place(&name) {
            Some(position) if optional.iter().any(|other| other.position == position) => {
                return wrong(format!("The request has the input \"{name}\" twice"));
            }
            Some(position) => optional.push(SentOptional { position, spec: &optional_specs[position], sent }),
            None => others.push((name, sent)),
        }
    }
    let sent = others;
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
    Ok(SentInputs { required: ordered, optional })
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
        let signature = Signature {
            inputs: vec![spec("a", &[]), spec("b", &[])],
            optional: vec![spec("o", &[]), spec("p", &[])],
            outputs: Vec::new(),
            constant: Some(ConstantInputs { names: vec!["k".to_owned()], because: "it is so".to_owned() }),
        };
        fn sent(names: &[&'static str]) -> Vec<(String, &'static str)> {
            names.iter().map(|name| ((*name).to_owned(), *name)).collect()
        }
        let ordered = |names: &[&'static str]| {
            let SentInputs { required, optional } = in_order(sent(names), &signature).unwrap();
            let optional = optional.into_iter().map(|it| (it.position, it.sent));
            (required.iter().map(|(_, sent)| *sent).collect::<Vec<_>>(), optional.collect::<Vec<_>>())
        };
        assert_eq!(ordered(&["b", "a"]), (vec!["a", "b"], vec![]));
        assert_eq!(ordered(&["b", "p", "a"]), (vec!["a", "b"], vec![(1, "p")]));
        for (names, says) in [
            (&["c", "a"][..], "no input \"c\"; it has: a, b, o, p"),
            (&["a", "b", "o", "o"], "the input \"o\" twice"),
            (&["a", "b", "k"], "The value of \"k\" is always the file's: it is so"),
            (&["a", "o"], "1 inputs; the model takes 2"),
            (&["a"], "1 inputs; the model takes 2"),
            (&["a", "a"], "no input \"b\", or another twice"),
            (&["a", "b", "a"], "3 inputs"),
        ] {
            let refused = in_order(sent(names), &signature).unwrap_err().to_string();
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
