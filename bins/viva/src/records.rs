//! `viva report`, `viva review` and `viva erase`: what is stored about people, shown, corrected and forgotten.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use anyhow::{Context as _, bail};
use clap::Args;
use eval_worker::Evaluator;
use viva_core::report::Report;
use viva_core::store::Store;
use viva_scoring::{html, markdown};

use crate::cli::Settings;

/// The files that a report comes as, the one for people first.
pub(crate) const REPORT_FILES: [&str; 3] = ["report.html", "report.md", "report.json"];

/// Arguments of `report`.
#[derive(Debug, Args)]
pub(crate) struct ReportArgs {
    /// The interview's id.
    interview: i32,
    /// Where the files go [default: the data folder].
    #[arg(long, value_name = "DIR")]
    out: Option<PathBuf>,
}

/// Arguments of `review`.
#[derive(Debug, Args)]
pub(crate) struct ReviewArgs {
    /// The evaluation's id, as the report shows it.
    evaluation: String,
    /// Who reviews.
    #[arg(long, value_name = "NAME")]
    reviewer: String,
    /// Why.
    #[arg(long, value_name = "TEXT")]
    reason: String,
    /// The total that stands from now on.
    #[arg(long, value_name = "POINTS", required_unless_present = "confirm", conflicts_with = "confirm")]
    total: Option<u32>,
    /// The score stands.
    #[arg(long)]
    confirm: bool,
}

/// Arguments of `erase`.
#[derive(Debug, Args)]
pub(crate) struct EraseArgs {
    /// One interview.
    #[arg(long, value_name = "ID", required_unless_present = "candidate", conflicts_with = "candidate")]
    interview: Option<i32>,
    /// All interviews of a candidate.
    #[arg(long, value_name = "ID")]
    candidate: Option<i32>,
    /// Erases. Without it, nothing is done but to say what would be.
    #[arg(long)]
    yes: bool,
}

async fn evaluator(settings: &Settings) -> anyhow::Result<(Store, Evaluator)> {
    let store = settings.store().await?;
    let judge = Arc::new(eval_worker::model::judge(settings.judge()?).await?);
    Ok((store.clone(), Evaluator::new(store, judge)))
}

pub(crate) async fn report(args: &ReportArgs, settings: &Settings) -> anyhow::Result<()> {
    let (store, evaluator) = evaluator(settings).await?;
    let folder = args.out.as_ref().unwrap_or(&settings.viva_data);
    std::fs::create_dir_all(folder).with_context(|| format!("the folder {} cannot be made", folder.display()))?;
    write_report(&evaluator, args.interview, folder).await?;
    for file in REPORT_FILES {
        println!("{}", folder.join(file).display());
    }
    Ok(store.close().await?)
}

/// Writes the report, as it stands in the store, in all its forms.
pub(crate) async fn write_report(evaluator: &Evaluator, interview_id: i32, folder: &Path) -> anyhow::Result<Report> {
    let report = evaluator.stored_report(interview_id).await?;
    let rubric = evaluator.judge().rubric();
    let forms = [html::render(&report, rubric)?, markdown::render(&report, rubric)?, serde_json::to_string_pretty(&report)?];
    for (file, form) in REPORT_FILES.iter().zip(forms) {
        write(&folder.join(file), form.as_bytes())?;
    }
    Ok(report)
}

pub(crate) async fn review(args: &ReviewArgs, settings: &Settings) -> anyhow::Result<()> {
    let (store, evaluator) = evaluator(settings).await?;
    let reviewed = evaluator.review(&args.evaluation, &args.reviewer, args.total, &args.reason).await?;
    let before = reviewed.total.map_or_else(|| "none".to_owned(), |total| total.to_string());
    let stands = reviewed.standing_total().map_or_else(|| "none".to_owned(), |total| total.to_string());
    println!("the model's total was {before}; {stands} stands, by {}", args.reviewer);
    if let Some(interview) = reviewed.interview_id {
        println!("ask for the report of interview {interview} again to have it follow");
    }
    Ok(store.close().await?)
}

pub(crate) async fn erase(args: &EraseArgs, settings: &Settings) -> anyhow::Result<()> {
    let store = settings.store().await?;
    let interviews = match (args.interview, args.candidate) {
        (Some(interview), _) => vec![interview],
        (None, Some(candidate)) => store.interviews_of(candidate).await?,
        (None, None) => Vec::new(),
    };
    if interviews.is_empty() {
        bail!("this candidate has no interviews here");
    }
    if !args.yes {
        let shown: Vec<String> = interviews.iter().map(ToString::to_string).collect();
        println!("would erase the answers, scores and reports of interview {}; add --yes to do it", shown.join(", "));
        return Ok(());
    }
    let audio = settings.audio(&settings.viva_data).await?;
    for interview in interviews {
        let erased = store.erase_interview(interview).await?;
        let mut clips = 0;
        for question in &erased.questions {
            clips += usize::from(audio.forget(&format!("q_{question}.wav")).await?);
        }
        println!(
            "interview {interview}: {} evaluations, {} transcripts, {} questions and {clips} clips erased; the log's entries stand",
            erased.evaluations,
            erased.transcripts,
            erased.questions.len()
        );
    }
    println!(
        "not reached: backups, the broker's queues, `viva.dead`, files written by `viva report`, and what the platform keeps elsewhere"
    );
    Ok(store.close().await?)
}

fn write(path: &Path, bytes: &[u8]) -> anyhow::Result<()> {
    let whole = || -> std::io::Result<()> {
        let mut file = tempfile::NamedTempFile::new_in(path.parent().unwrap_or(Path::new(".")))?;
        std::io::Write::write_all(&mut file, bytes)?;
        file.as_file().sync_all()?;
        // A temporary file is private; a report is for whoever may read the folder.
        file.as_file().set_permissions(std::os::unix::fs::PermissionsExt::from_mode(0o644))?;
        Ok(file.persist(path).map(drop)?)
    };
    whole().with_context(|| format!("{} cannot be written", path.display()))
}
