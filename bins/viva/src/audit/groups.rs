//! Scores by the groups that the operator names: an export for an independent audit.

use std::collections::BTreeSet;
use std::path::PathBuf;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use serde_json::json;
use viva_scoring::fairness::{Group, Selected, impact};

use crate::cli::Settings;
use crate::table::Table;

/// Arguments of `audit groups`.
#[derive(Debug, Args)]
pub(crate) struct GroupsArgs {
    /// A CSV file with the header `interview_id,group`. Viva knows no groups of its own, and infers none.
    #[arg(long, value_name = "FILE")]
    groups: PathBuf,
    /// Who counts as selected: an overall score of at least this [default: above the median].
    #[arg(long, value_name = "SCORE")]
    at_least: Option<f64>,
    /// Prints JSON: the groups, and what the scores were made with.
    #[arg(long)]
    json: bool,
}

pub(crate) async fn run(args: &GroupsArgs, settings: &Settings) -> anyhow::Result<()> {
    let text = std::fs::read_to_string(&args.groups).with_context(|| format!("{} cannot be read", args.groups.display()))?;
    let members = parse(&text).with_context(|| format!("{} is no list of groups", args.groups.display()))?;
    let store = settings.store().await?;
    let unit = store.read().await?;
    let (mut people, mut made_with) = (Vec::with_capacity(members.len()), BTreeSet::new());
    for (interview, group) in members {
        let score = unit.interviews().get(interview).await?.overall_score;
        for evaluation in unit.evaluations().newest(interview).await? {
            let provenance = evaluation.provenance;
            made_with.insert(format!(
                "model {} ({}), rubric {} {} ({}), prompt {}",
                provenance.model.name,
                &provenance.model.sha256,
                evaluation.rubric.id,
                evaluation.rubric.version,
                evaluation.rubric.sha256,
                provenance.prompt_version
            ));
        }
        people.push((group, score));
    }
    unit.rollback().await?;
    store.close().await?;
    let selected = args.at_least.map_or(Selected::AboveMedian, Selected::AtLeast);
    let groups = impact(&people, selected);
    if args.json {
        let rule = args.at_least.map_or_else(|| "above the median".to_owned(), |score| format!("at least {score}"));
        println!("{}", serde_json::to_string_pretty(&json!({ "selected": rule, "groups": groups, "made_with": made_with }))?);
        return Ok(());
    }
    print!("{}", table(&groups));
    for made in &made_with {
        println!("  {made}");
    }
    if made_with.len() > 1 {
        println!("  NOTE: the scores were not all made with the same model, rubric and prompt: they should not be compared");
    }
    Ok(())
}

fn table(groups: &[Group]) -> Table<7> {
    let heading = ["group", "scored", "no score", "mean", "selected", "impact ratio", ""];
    let mut table = Table::new(heading, [false, true, true, true, true, true, false]);
    for group in groups {
        let number = |value: Option<f64>| value.map_or_else(|| "-".to_owned(), |value| format!("{value:.2}"));
        let notes = [(group.below_four_fifths, "below four fifths"), (group.few, "fewer than 30: says little")];
        let notes: Vec<&str> = notes.iter().filter(|(holds, _)| *holds).map(|(_, note)| *note).collect();
        table.row([
            group.name.clone(),
            group.scored.to_string(),
            group.without_score.to_string(),
            number(group.mean),
            group.selected.to_string(),
            number(group.impact_ratio),
            notes.join("; "),
        ]);
    }
    table
}

/// `interview_id,group` a line, below that header. A group may be quoted.
fn parse(text: &str) -> anyhow::Result<Vec<(i32, String)>> {
    let mut lines = text.trim_start_matches('\u{feff}').lines().enumerate();
    match lines.next() {
        Some((_, header)) if header.replace(' ', "") == "interview_id,group" => {}
        _ => bail!("its first line is not `interview_id,group`"),
    }
    let mut members = Vec::new();
    for (index, line) in lines.filter(|(_, line)| !line.trim().is_empty()) {
        let line_number = index + 1;
        let (id, group) = line.split_once(',').with_context(|| format!("line {line_number} has no comma"))?;
        let id = id.trim().parse().with_context(|| format!("line {line_number}: {id:?} is no interview's id"))?;
        let group = group.trim().trim_matches('"').trim();
        ensure!(!group.is_empty(), "line {line_number} names no group");
        members.push((id, group.to_owned()));
    }
    ensure!(!members.is_empty(), "it lists nobody");
    Ok(members)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used, reason = "tests")]

    use super::*;

    #[test]
    fn a_list_of_groups_is_read_and_a_broken_one_is_refused_with_its_line() {
        let read = parse("\u{feff}interview_id, group\r\n1,women\r\n\r\n2,\"men, over 40\"\r\n").unwrap();
        assert_eq!(read, [(1, "women".to_owned()), (2, "men, over 40".to_owned())]);
        for (text, said) in [
            ("1,a", "first line"),
            ("interview_id,group\nx,a", "line 2"),
            ("interview_id,group\n1,", "line 2"),
            ("interview_id,group\n", "nobody"),
        ] {
            let error = parse(text).unwrap_err().to_string();
            assert!(error.contains(said), "{error}");
        }
    }
}
