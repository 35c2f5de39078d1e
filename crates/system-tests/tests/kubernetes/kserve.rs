//! KServe starts the service with the flags of the ServingRuntime, on a model that lies in the mounted folder itself.

use std::process::Command;

use testkit::program;

use crate::objects::{Objects, document, strings};

const RUNTIME: &str = "deploy/kubernetes/kserve/serving-runtime.yaml";

#[test]
fn the_program_knows_the_flags_and_variables_of_the_runtime() {
    let container = document(RUNTIME)["spec"]["containers"][0].clone();
    let flags = strings(&container["args"]);
    assert_eq!(flags, ["--models=/mnt/models", "--model-name={{.Name}}"], "KServe mounts the model there");
    // The probe of a service that is not there: what comes before it is read, and a mistake in it is exit code 2.
    let asked = |flags: &[String]| {
        let mut command = Command::new(program("inference-service"));
        for variable in container["env"].as_array().unwrap() {
            command.env(variable["name"].as_str().unwrap(), variable["value"].as_str().unwrap());
        }
        command.args(flags).args(["--listen", "127.0.0.1:1", "--health-check"]).output().unwrap().status.code()
    };
    assert_eq!(asked(&flags), Some(1));
    assert_eq!(asked(&["--model_name=sentiment".to_owned()]), Some(2));
}

#[test]
fn the_runtime_runs_the_same_image_with_the_same_place_for_records() {
    let runtime = document(RUNTIME);
    let container = &runtime["spec"]["containers"][0];
    let objects = Objects::written();
    let deployed = &objects.get("Deployment", "inference-service")["spec"]["template"]["spec"];
    assert_eq!(container["image"], deployed["containers"][0]["image"]);
    assert_eq!(container["volumeMounts"], deployed["containers"][0]["volumeMounts"]);
    assert_eq!(runtime["spec"]["volumes"], deployed["volumes"]);
    let service = document("deploy/kubernetes/kserve/inference-service.yaml");
    let model = &service["spec"]["predictor"]["model"];
    assert_eq!(model["runtime"], runtime["metadata"]["name"]);
    assert_eq!(model["modelFormat"]["name"], runtime["spec"]["supportedModelFormats"][0]["name"]);
    let protocols = strings(&runtime["spec"]["protocolVersions"]);
    assert!(protocols.iter().any(|protocol| model["protocolVersion"] == protocol.as_str()), "{protocols:?}");
}
