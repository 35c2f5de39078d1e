//! Sizes that have to agree where tensors are multiplied.
//!
//! Rule of thumb: tract sums over as many numbers as one of the tensors has, whether the other has them or not, and then what
//! lies behind that one in memory gets into the answer. So no product runs whose sizes the graph leaves open: an open
//! size of an input is what it has to be, and where that cannot be told the model is refused.

use std::fmt;

use tract_onnx::prelude::{InferenceModel, InferenceModelExt, TractResult, TypedModel};
use tract_onnx::tract_core::ops::einsum::EinSum;
use tract_onnx::tract_core::ops::logic::IfThenElse;
use tract_onnx::tract_core::ops::scan::Scan;
use tract_onnx::tract_hir::infer::Factoid;
use tract_onnx::tract_hir::internal::{Symbol, TDim, TypedNode, bail};

/// A model with its types, and with inputs whose sizes fit all that is multiplied with them; `model` gets these inputs.
///
/// # Errors
/// What tract says, or that sizes of a product are not known to agree.
pub(super) fn with_agreeing_sizes(model: &mut InferenceModel) -> TractResult<TypedModel> {
    loop {
        let typed = model.clone().into_typed()?;
        let Some(product) = OpenProduct::find(&typed)? else { return Ok(typed) };
        let is_settled = match product.settled() {
            Some((symbol, size)) => settle(model, symbol, size)?,
            None => false,
        };
        if !is_settled {
            bail!("{product}");
        }
    }
}

/// Gives an open size of the inputs its value; says whether any input has that size.
fn settle(model: &mut InferenceModel, symbol: &Symbol, size: &TDim) -> TractResult<bool> {
    let open = TDim::Sym(symbol.clone());
    let mut is_settled = false;
    for outlet in model.input_outlets()?.to_vec() {
        let fact = model.outlet_fact(outlet)?.clone();
        let mut shape = fact.shape.clone();
        let places = shape.dims().enumerate().filter(|(_, size)| size.concretize().as_ref() == Some(&open));
        for place in places.map(|(place, _)| place).collect::<Vec<_>>() {
            shape.set_dim(place, size.clone());
            is_settled = true;
        }
        model.set_outlet_fact(outlet, fact.with_shape(shape))?;
    }
    Ok(is_settled)
}

/// Two sizes along which a product goes, and which are not known to be equal.
struct OpenProduct {
    node: String,
    one: TDim,
    other: TDim,
}

impl fmt::Display for OpenProduct {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { node, one, other } = self;
        write!(f, "tract cannot tell whether the sizes {one} and {other} agree, which the node {node:?} multiplies")
    }
}

impl OpenProduct {
    /// The first one of a model.
    fn find(model: &TypedModel) -> TractResult<Option<Self>> {
        for node in model.nodes() {
            let found = match node.op_as::<EinSum>() {
                Some(product) => Self::of(product, node, model)?,
                None => Self::find_inside(node)?,
            };
            if found.is_some() {
                return Ok(found);
            }
        }
        Ok(None)
    }

    /// The first one of the models inside a node.
    fn find_inside(node: &TypedNode) -> TractResult<Option<Self>> {
        if let Some(scan) = node.op_as::<Scan>() {
            return Self::find(&scan.body);
        }
        let Some(branches) = node.op_as::<IfThenElse>() else { return Ok(None) };
        Ok(Self::find(&branches.then_body)?.or(Self::find(&branches.else_body)?))
    }

    fn of(product: &EinSum, node: &TypedNode, model: &TypedModel) -> TractResult<Option<Self>> {
        let facts = model.node_input_facts(node.id)?;
        for axis in product.axes.iter_all_axes() {
            let is_summed = axis.outputs.iter().flatten().next().is_none();
            let of_input = facts.iter().zip(&axis.inputs);
            let sizes = of_input.flat_map(|(fact, places)| places.iter().map(|place| &fact.shape[*place]));
            // Along an axis that is kept, one number goes with any.
            let sizes: Vec<&TDim> = sizes.filter(|size| is_summed || size.as_i64() != Some(1)).collect();
            let Some((first, rest)) = sizes.split_first() else { continue };
            let are_open = |other: &&&TDim| {
                let are_known = first.as_i64().is_some() && other.as_i64().is_some();
                !are_known && ((*first).clone() - (**other).clone()).as_i64() != Some(0)
            };
            if let Some(other) = rest.iter().find(are_open) {
                let (one, other) = ((*first).clone(), (*other).clone());
                return Ok(Some(Self { node: node.name.clone(), one, other }));
            }
        }
        Ok(None)
    }

    /// An open size, and what it has to be.
    fn settled(&self) -> Option<(&Symbol, &TDim)> {
        match (&self.one, &self.other) {
            (TDim::Sym(open), size @ (TDim::Val(_) | TDim::Sym(_))) | (size @ TDim::Val(_), TDim::Sym(open)) => {
                Some((open, size))
            }
            _ => None,
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use std::fs;
    use std::sync::Arc;

    use super::super::super::model_file::ModelFile;
    use super::super::super::program::{FixedInputs, LoadOptions, LoadProgram as _, Program};
    use super::super::Tract;
    use crate::model::onnx::proto::GraphProto;
    use crate::model::onnx::written::{FLOAT, file, floats, node, sized, value};
    use crate::model::{Tensor, TensorValues};

    fn load(graph: GraphProto) -> Arc<dyn Program> {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("model.onnx");
        fs::write(&path, file(GraphProto { output: vec![value("y", FLOAT, &[0, 0])], ..graph })).unwrap();
        let options = LoadOptions {
            fixed: FixedInputs::Nothing,
            intra_threads: 1,
            instances: 1,
            optional: &[],
            accelerators: &[],
        };
        Tract.load(ModelFile::at(path), options).unwrap()
    }

    fn ones(shape: &[usize]) -> Tensor {
        Tensor::new(shape.to_vec(), TensorValues::Fp32(vec![1.0; shape.iter().product()])).unwrap()
    }

    #[test]
    fn an_open_size_is_what_it_is_multiplied_with() {
        let program = load(GraphProto {
            node: vec![node("MatMul", &["x", "w"], &["y"])],
            initializer: vec![floats("w", &[64, 2], vec![1.0; 128])],
            input: vec![sized("x", &["items", "numbers"])],
            ..GraphProto::default()
        });
        assert_eq!(program.signature().inputs[0].shape, Some(vec![None, Some(64)]));
        let mut run = program.start().unwrap();
        for items in [1, 3] {
            let outputs = run.run(&[ones(&[items, 64])], &[]).unwrap();
            assert_eq!(outputs[0].values().fp32(), Some(&vec![64.0; 2 * items][..]));
        }
        for wrong in [1, 3, 63, 65, 5000] {
            assert!(run.run(&[ones(&[2, wrong])], &[]).is_err(), "{wrong}");
        }
    }

    #[test]
    fn open_sizes_of_two_inputs_are_the_same_where_they_are_multiplied() {
        let program = load(GraphProto {
            node: vec![node("MatMul", &["x", "z"], &["y"])],
            input: vec![sized("x", &["a", "b"]), sized("z", &["c", "d"])],
            ..GraphProto::default()
        });
        let mut run = program.start().unwrap();
        for (rows, summed) in [(1, 1), (2, 7), (3, 4)] {
            let outputs = run.run(&[ones(&[rows, summed]), ones(&[summed, 2])], &[]).unwrap();
            assert_eq!(outputs[0].values().fp32(), Some(&vec![summed as f32; 2 * rows][..]));
            assert!(run.run(&[ones(&[rows, summed]), ones(&[summed + 1, 2])], &[]).is_err());
        }
    }
}
