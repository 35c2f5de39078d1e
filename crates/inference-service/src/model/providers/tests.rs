#![allow(clippy::unwrap_used)]

use std::cell::RefCell;

use super::*;
use ExecutionProvider::{Cpu, Cuda, OpenVino, TensorRt};

fn listed(providers: &[ExecutionProvider]) -> Result<Vec<ExecutionProvider>, String> {
    let path = Path::new("model.toml");
    ModelProviders::asked_for(Some(providers.to_vec()), path).map_err(|error| error.to_string())
}

#[test]
fn the_cpu_is_last_whether_it_is_named_or_not() {
    assert_eq!(listed(&[TensorRt, Cuda, Cpu]), Ok(vec![TensorRt, Cuda]));
    assert_eq!(listed(&[OpenVino]), Ok(vec![OpenVino]));
    assert_eq!(listed(&[Cpu]), Ok(vec![]));
    assert_eq!(ModelProviders::asked_for(None, Path::new("model.toml")).unwrap(), []);
}

#[test]
fn a_list_that_cannot_be_meant_is_refused_with_what_to_do() {
    for (list, expected) in [
        (&[][..], "model.toml: `providers` is empty: name at least one, or remove the field"),
        (&[Cuda, Cuda], "model.toml: `providers` has \"cuda\" twice: name each once"),
        (
            &[Cpu, Cuda],
            "model.toml: `providers` has \"cuda\" behind \"cpu\": the CPU takes every node, so name it last",
        ),
    ] {
        assert_eq!(listed(list).unwrap_err(), expected);
    }
}

/// What a model is loaded on if loading fails as `fails` says for a list of accelerators, and all lists that were tried.
fn settled(
    wanted: &[ExecutionProvider],
    fails: impl Fn(&[ExecutionProvider]) -> Option<&'static str>,
) -> (Result<ModelProviders, String>, Vec<Vec<ExecutionProvider>>) {
    let tried = RefCell::new(Vec::new());
    let providers = ModelProviders { accelerators: wanted.to_vec(), missing: Vec::new() };
    let settled = providers.settle(|providers| {
        tried.borrow_mut().push(providers.accelerators.clone());
        match fails(&providers.accelerators) {
            Some(reason) => Err(ModelError::Start { reason: reason.to_owned() }),
            None => Ok(providers.clone()),
        }
    });
    (settled.map_err(|error| error.to_string()), tried.into_inner())
}

#[test]
fn the_accelerator_that_fails_gives_way_to_the_others() {
    let no_device = |on: &[ExecutionProvider]| on.contains(&Cuda).then_some("no device");
    for wanted in [[Cuda, OpenVino], [OpenVino, Cuda]] {
        let (settled, _) = settled(&wanted, no_device);
        let settled = settled.unwrap();
        assert_eq!(settled.names(), ["openvino", "cpu"]);
        let [missing] = settled.missing() else { panic!("{settled:?}") };
        assert_eq!(missing.provider, Cuda);
        assert!(missing.reason().contains("no device") && missing.remedy().contains("cuda"), "{missing:?}");
    }
    let (alone, tried) = settled(&[Cuda], no_device);
    assert_eq!(alone.unwrap().names(), ["cpu"]);
    assert_eq!(tried, [vec![Cuda], vec![]], "nothing is tried twice");
}

#[test]
fn where_each_works_by_itself_the_last_one_goes() {
    let (settled, _) = settled(&[TensorRt, Cuda], |on| (on.len() > 1).then_some("not together"));
    let settled = settled.unwrap();
    assert_eq!(settled.names(), ["tensorrt", "cpu"]);
    assert!(settled.missing()[0].reason().contains("not together"));
}

#[test]
fn a_model_that_fails_on_the_cpu_too_fails_as_it_does_there() {
    let (settled, tried) =
        settled(&[TensorRt, Cuda], |on| Some(if on.is_empty() { "broken" } else { "some accelerator's message" }));
    assert_eq!(settled.unwrap_err(), "the engine cannot begin a run: broken");
    assert_eq!(tried.last(), Some(&vec![]));
}
