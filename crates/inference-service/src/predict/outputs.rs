//! The tensors that a model answered with, as protocols give them that give tensors.

use crate::model::{Engine, Prediction, Task, Tensor};

/// What the model gave as its output at this position: a row for each item, or its whole tensor.
pub(crate) fn whole_output(engine: &Engine, predictions: &[Prediction], index: usize) -> Option<Tensor> {
    let tensors = predictions.iter().map(|prediction| prediction.outputs.get(index));
    match engine.task() {
        Task::Raw if predictions.len() == 1 => tensors.flatten().next().cloned(),
        // Rows of a table, each of which was a run of its own.
        Task::Raw => {
            Tensor::stacked(&tensors.collect::<Option<Vec<&Tensor>>>()?.into_iter().cloned().collect::<Vec<_>>())
        }
        Task::Classification | Task::Regression => {
            let has_classes = engine.classes().is_some_and(|classes| classes.output == index);
            let tensors: Option<Vec<Tensor>> =
                tensors.map(|tensor| tensor.and_then(|tensor| row(tensor, has_classes))).collect();
            Tensor::stacked(&tensors?)
        }
    }
}

/// The numbers of one item; those of classes without the dimensions of 1 that a model may leave around them.
fn row(tensor: &Tensor, has_classes: bool) -> Option<Tensor> {
    let shape = match tensor.shape() {
        _ if has_classes => vec![1, tensor.values().len()],
        [] => vec![1],
        shape => shape.to_vec(),
    };
    tensor.clone().reshaped(shape)
}
