//! Proves that both services work with TLS and keys as they do without: they predict and record, are found healthy, take
//! other keys without a restart, stop without losing a record, and show no key.

use std::fs;
use std::path::PathBuf;
use std::process::Command;
use std::time::Duration;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair};
use reqwest::{Certificate, Client, RequestBuilder};
use serde_json::Value;
use tempfile::TempDir;
use testkit::{Launch, Service, Signal, alone, free_address, pictures, program, pypi, wait_until};

use crate::{TRITON, command, run};

const PATIENCE: Duration = Duration::from_secs(30);
const KEY: &str = "s3cr3t-key-of-a-client";
const NEXT_KEY: &str = "s3cr3t-key-of-tomorrow";
const LOG_KEY: &str = "s3cr3t-key-of-the-log";

/// Certificates and keys in files.
struct Files(TempDir);

impl Files {
    fn new() -> Self {
        let files = Self(TempDir::new().unwrap());
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        // Under the name that all certificates have by default, others would seem to be signed by themselves.
        params.distinguished_name.push(DnType::CommonName, "the authority of the test");
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let names = vec!["localhost".to_owned(), "127.0.0.1".to_owned()];
        let certificate = CertificateParams::new(names).unwrap().signed_by(&key, &authority).unwrap();
        files.write("authority.pem", &authority.pem());
        files.write("certificate.pem", &certificate.pem());
        files.write("key.pem", &key.serialize_pem());
        files.write("keys", &format!("client: {KEY}\n"));
        files.write("log_keys", &format!("inference: {LOG_KEY}\nreader: {KEY}\n"));
        files.write("log_key", LOG_KEY);
        files
    }

    fn write(&self, name: &str, content: &str) {
        fs::write(self.path(name), content).unwrap();
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    fn client(&self) -> Client {
        monitoring::use_ring();
        let authority = Certificate::from_pem(&fs::read(self.path("authority.pem")).unwrap()).unwrap();
        Client::builder().no_proxy().tls_certs_only([authority]).build().unwrap()
    }

    fn secure(&self, launch: Launch, keys: &str) -> Launch {
        let launch = launch.flag("--tls-cert=", self.path("certificate.pem")).flag("--tls-key=", self.path("key.pem"));
        launch.flag("--api-keys=", self.path(keys))
    }
}

async fn status(request: RequestBuilder) -> u16 {
    request.send().await.map_or(0, |answer| answer.status().as_u16())
}

fn is_healthy(files: &Files, name: &str, service: &Service, encrypted: bool) -> bool {
    let mut command = Command::new(program(name));
    command.env_clear().args(["--health-check", "--listen", &service.address.to_string()]);
    if encrypted {
        command.arg("--tls-cert").arg(files.path("certificate.pem")).arg("--tls-key").arg(files.path("key.pem"));
    }
    command.output().unwrap().status.success()
}

#[tokio::test(flavor = "multi_thread")]
async fn both_services_work_with_tls_and_keys() {
    let _alone = alone().await;
    let (files, address) = (Files::new(), free_address());
    let client = files.client();
    let logging = files.secure(Launch::logging(&files.path("predictions.db")).listen(address), "log_keys").spawn();
    let inference = Launch::inference()
        .flag("--log-url=", format!("https://{address}"))
        .flag("--log-ca=", files.path("authority.pem"))
        .flag("--log-key=", files.path("log_key"));
    let inference = files.secure(inference, "keys").spawn();
    let mut services = [("inference-service", inference), ("logging-service", logging)];
    for (name, service) in &services {
        let url = format!("https://{}/health/ready", service.address);
        wait_until("it is ready", PATIENCE, async || status(client.get(&url)).await == 200).await;
        assert!(is_healthy(&files, name, service, true) && !is_healthy(&files, name, service, false), "{name}");
        assert_eq!(status(client.get(format!("http://{}/health/ready", service.address))).await, 0, "{name}");
    }
    let predict = |key: &str| {
        let picture = &pictures("cifar10")[0];
        let request = client.post(format!("https://{}/predict?model=cifar10", services[0].1.address));
        request.header("content-type", picture.content_type).bearer_auth(key).body(picture.bytes.clone())
    };
    for (key, expected) in [(KEY, 200), (NEXT_KEY, 401), (LOG_KEY, 401)] {
        assert_eq!(status(predict(key)).await, expected, "{key}");
    }
    let stored = async || {
        let answer = client.get(format!("https://{address}/stats")).bearer_auth(KEY).send().await.unwrap();
        serde_json::from_str::<Value>(&answer.text().await.unwrap()).unwrap()["total"]["predictions"].as_u64()
    };
    wait_until("the prediction is stored", PATIENCE, async || stored().await == Some(1)).await;

    files.write("keys", &format!("client: {NEXT_KEY}\n"));
    wait_until("the next key is taken", PATIENCE, async || status(predict(NEXT_KEY)).await == 200).await;
    assert_eq!(status(predict(KEY)).await, 401);
    wait_until("it is stored, too", PATIENCE, async || stored().await == Some(2)).await;

    if let Some(python) = pypi::python(TRITON, "the client of Triton with TLS and a key") {
        let inference = &services[0].1;
        let mut script = command(&python, "secured.py", inference.address);
        script.arg(inference.grpc_address().to_string()).arg(files.path("authority.pem")).arg(NEXT_KEY);
        let answered = run(&mut script) + 2;
        wait_until("those are stored, too", PATIENCE, async || stored().await == Some(answered)).await;
    }

    // An idle connection that is kept would be waited for.
    drop(client);
    for (name, service) in &mut services {
        service.signal(Signal::TERM);
        assert!(service.ends_within(PATIENCE).await.success(), "{name}: {}", service.output());
        assert!(!service.output().contains("s3cr3t"), "{name} shows a key: {}", service.output());
    }
}
