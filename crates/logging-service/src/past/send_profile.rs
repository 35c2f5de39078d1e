//! A profile on its way to a running service or into the database.

use anyhow::{Context as _, bail};
use jiff::Timestamp;
use reqwest::Method;
use serde::Deserialize;
use terminal::warn;

use super::own_store;
use super::profile_options::ProfileOptions;
use super::service_client::{ServiceAnswer, ServiceClient, ServiceRequest};
use crate::analysis::ReferenceProfile;
use crate::store::DatabaseUrl;
use crate::store::bounded_table::NO_ROOM;
use crate::store::references::{self, ReferencePut};
use crate::store::time::floor_microseconds;

/// What `PUT /drift/reference` answers.
#[derive(Deserialize)]
struct ProfileTaken {
    stored: bool,
}

/// Sends a profile to where the options say.
///
/// # Errors
/// It was not taken.
pub(super) fn send_profile(
    options: &ProfileOptions,
    database: &DatabaseUrl,
    profile: ReferenceProfile,
) -> anyhow::Result<()> {
    let runtime = tokio::runtime::Runtime::new().context("the runtime cannot be started")?;
    let model = profile.model.clone();
    let stored = runtime.block_on(async {
        match ServiceClient::new(&options.service)? {
            Some(client) => to_service(&client, &profile).await,
            None => into_database(database, profile).await,
        }
    })?;
    if !stored {
        bail!("{model} has a reference that was made later; it stays");
    }
    warn(format_args!("it is the reference of {model} now"));
    Ok(())
}

async fn to_service(client: &ServiceClient, profile: &ReferenceProfile) -> anyhow::Result<bool> {
    let request = ServiceRequest {
        method: Method::PUT,
        route: "drift/reference",
        content_type: "application/json",
        body: serde_json::to_vec(profile)?,
    };
    match client.send(&request).await? {
        ServiceAnswer::Done(body) => Ok(serde_json::from_slice::<ProfileTaken>(&body)?.stored),
        ServiceAnswer::Refused(problem) => bail!("the service refuses the profile: {problem}"),
    }
}

async fn into_database(database: &DatabaseUrl, profile: ReferenceProfile) -> anyhow::Result<bool> {
    let store = own_store::start(database)?;
    let now = floor_microseconds(Timestamp::now());
    let stored = store.write(0, move |transaction| references::put(transaction, &profile, now)).await;
    store.close().await;
    match stored.with_context(|| format!("writing to {database}"))? {
        ReferencePut::NoRoom => bail!("the reference is not kept. {NO_ROOM}"),
        put => Ok(put == ReferencePut::Stored),
    }
}
