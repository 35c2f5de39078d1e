//! The receivers of notifications: Slack, email, a webhook, and the dead man's switch.

use std::collections::BTreeSet;

use serde_json::Value;
use testkit::Configuration;

use crate::alertmanager::{FILE, OFF, ON};
use crate::http_sink::HttpSink;
use crate::mailbox::{Mail, Mailbox};

const SLACK: &str = "/slack/secret";
const WEBHOOK: &str = "/webhook";
const DEAD_MANS_SWITCH: &str = "/dead-mans-switch";

/// What the channel of an alert got.
pub(crate) struct Told {
    pub(crate) slack: Value,
    pub(crate) mail: Mail,
    pub(crate) webhook: Value,
}

pub(crate) struct People {
    http: HttpSink,
    mailbox: Mailbox,
}

impl People {
    pub(crate) async fn start() -> Self {
        Self { http: HttpSink::start().await, mailbox: Mailbox::start().await }
    }

    /// Sets every channel up, as docs/alerting.md says, and gives the screen a webhook. The mail server has no TLS.
    pub(crate) fn are_told_by(&self, configuration: &Configuration) {
        let url = |path| format!("http://{}{path}", self.http.address);
        let secret = |name: &str, content: &str| {
            let file = configuration.path(name);
            std::fs::write(&file, content).unwrap();
            configuration.replace(FILE, &format!("/run/secrets/{name}"), file.to_str().unwrap());
        };
        secret("slack_api_url", &url(SLACK));
        secret("smtp_password", "open sesame");
        configuration.replace(FILE, "smtp.example.org:587", &self.mailbox.address.to_string());
        configuration.replace(FILE, "smtp_require_tls: true", "smtp_require_tls: false");
        configuration.replace(FILE, "http://dead-mans-switch.example.org/glasshouse", &url(DEAD_MANS_SWITCH));
        let webhook = format!("- name: screen\n    webhook_configs: [{{url: \"{}\"}}]\n", url(WEBHOOK));
        configuration.replace(FILE, "- name: screen\n", &webhook);
        configuration.replace(FILE, OFF, ON);
        let base = "{{ define \"glasshouse.runbook_base\" }}";
        let with_base = format!("{base}https://git.example.org/glasshouse/");
        configuration.replace("deploy/alertmanager/templates/runbook_base.tmpl", base, &with_base);
    }

    /// How often the dead man's switch was told that the Watchdog fires.
    pub(crate) fn signs_of_life(&self) -> usize {
        let told = self.http.posted_to(DEAD_MANS_SWITCH);
        for notification in &told {
            assert_eq!(notification["status"], "firing", "{notification:#}");
            assert_eq!(notification["commonLabels"]["alertname"], "Watchdog", "{notification:#}");
        }
        told.len()
    }

    /// The names of all alerts that anybody was told of.
    pub(crate) fn names(&self) -> Vec<String> {
        let webhook = self.http.posted_to(WEBHOOK).into_iter().map(|body| webhook_subject(&body));
        let slack = self.http.posted_to(SLACK).into_iter().map(|body| slack_subject(&body).to_owned());
        let mails = self.mailbox.mails().into_iter().map(|mail| mail_subject(&mail).to_owned());
        let subjects = webhook.chain(slack).chain(mails);
        let names: BTreeSet<String> = subjects.map(|subject| name_in(&subject).to_owned()).collect();
        names.into_iter().collect()
    }

    /// What came with a subject that begins so, if it has come by every channel.
    pub(crate) fn told(&self, subject: &str) -> Option<Told> {
        let slack = self.http.posted_to(SLACK).into_iter().find(|body| slack_subject(body).starts_with(subject))?;
        let mail = self.mailbox.mails().into_iter().find(|mail| mail_subject(mail).starts_with(subject))?;
        let webhook =
            self.http.posted_to(WEBHOOK).into_iter().find(|body| webhook_subject(body).starts_with(subject))?;
        Some(Told { slack: slack["attachments"][0].clone(), mail, webhook })
    }
}

fn slack_subject(body: &Value) -> &str {
    body["attachments"][0]["title"].as_str().unwrap()
}

fn mail_subject(mail: &Mail) -> &str {
    mail.text.lines().find_map(|line| line.strip_prefix("Subject: ")).unwrap()
}

/// A webhook has no subject; this is what it would be.
fn webhook_subject(body: &Value) -> String {
    let name = body["groupLabels"]["alertname"].as_str().unwrap();
    match body["status"].as_str().unwrap() {
        "firing" => format!("[FIRING:{}] {name}", body["alerts"].as_array().unwrap().len()),
        _ => format!("[RESOLVED] {name}"),
    }
}

fn name_in(subject: &str) -> &str {
    subject.split(' ').nth(1).unwrap()
}
