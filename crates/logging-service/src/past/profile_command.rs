//! `logging-service profile`: a reference of training data, of scored data or of a range of the log.

use std::io::Write as _;
use std::path::Path;
use std::process::ExitCode;

use anyhow::{Context as _, anyhow, bail};
use jiff::Timestamp;
use prediction_record::ModelDeclaration;
use terminal::warn;

use super::declaration_file;
use super::feature_column::FeatureColumn;
use super::log_range;
use super::profile_counter::{CountedTables, ProfileCounter};
use super::profile_options::ProfileOptions;
use super::profile_report;
use super::progress::CommandProgress;
use super::send_profile::send_profile;
use crate::analysis::{PROFILE_SCHEMA_VERSION, ReferenceProfile};
use crate::store::DatabaseUrl;
use crate::tables::TableRow;

/// Makes the profile, and hands it to where it is wanted.
///
/// # Errors
/// What keeps it from being made: for what cannot be read, the file, the row and the column.
pub(crate) fn profile(options: &ProfileOptions, database: &DatabaseUrl) -> anyhow::Result<ExitCode> {
    prediction_record::validate_model_name(&options.model).map_err(|problem| anyhow!("--model: {problem}"))?;
    let is_range = options.since.is_some() || options.until.is_some();
    if options.input.files.is_empty() && !is_range {
        bail!("name files, or a range of the log with --since and --until");
    }
    let (profile, features) = if is_range { log_range::profile(options, database)? } else { of_files(options)? };
    profile.validate().context("the data can be no reference")?;
    for line in profile_report::lines(&profile, &features) {
        warn(line);
    }
    if options.into_database || options.service.to.is_some() {
        send_profile(options, database, profile)?;
    } else {
        write(&options.output, &profile)?;
    }
    Ok(ExitCode::SUCCESS)
}

fn of_files(options: &ProfileOptions) -> anyhow::Result<(ReferenceProfile, Vec<FeatureColumn>)> {
    let declaration = options.declaration.as_deref().map(declaration_file::read).transpose()?.unwrap_or_default();
    let CountedTables { counts, correlations, features } = count(options, declaration)?;
    let profile = ReferenceProfile {
        schema_version: PROFILE_SCHEMA_VERSION,
        model: options.model.clone(),
        model_sha256: options.sha256.clone(),
        created_at: Timestamp::now(),
        since: None,
        until: None,
        counts,
        correlations,
    };
    Ok((profile, features))
}

fn count(options: &ProfileOptions, declaration: ModelDeclaration) -> anyhow::Result<CountedTables> {
    let mut counter = ProfileCounter::new(options, declaration);
    let mut progress = CommandProgress::begin();
    let mut row = TableRow::default();
    for file in &options.input.files {
        let mut table = options.input.open(file)?;
        let place = file.display();
        counter.begin();
        if table.has_header() {
            require_columns(&counter, table.columns(), file)?;
        }
        while table.next_row(&mut row).with_context(|| place.to_string())? {
            counter
                .count(table.columns(), &row)
                .map_err(|problem| anyhow!("{place}: row {}: {problem}", row.number))?;
            progress.advance(1, || format!("{place}: {:.0} %", 100.0 * table.share()));
        }
        if !table.has_header() {
            require_columns(&counter, table.columns(), file)?;
        }
    }
    warn(format_args!("{} rows read, {:.0} a second", progress.rows(), progress.rate()));
    Ok(counter.finish())
}

fn require_columns(counter: &ProfileCounter<'_>, columns: &[String], file: &Path) -> anyhow::Result<()> {
    let Some(absent) = counter.absent(columns).next() else { return Ok(()) };
    let known: Vec<&str> = columns.iter().map(String::as_str).take(50).collect();
    bail!("{}: there is no column {absent}; it has {}", file.display(), known.join(", "))
}

fn write(output: &Path, profile: &ReferenceProfile) -> anyhow::Result<()> {
    let json = serde_json::to_string(profile)?;
    if output == Path::new("-") {
        return Ok(writeln!(std::io::stdout().lock(), "{json}")?);
    }
    std::fs::write(output, json + "\n").with_context(|| output.display().to_string())?;
    warn(format_args!("written to {}", output.display()));
    Ok(())
}
