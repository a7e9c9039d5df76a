//! The demo: an interview voiced and scored by real models, in one process, over the same workers as a fleet.
//!
//! It plays the platform: writes the interview's rows, sends the tasks that a producer sends, and waits for their results.
//! What it prints is read back from the store and the files, not kept on the way.

mod sample;

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};

use anyhow::Context;
use indicatif::{ProgressBar, ProgressStyle};
use serde_json::{Value, json};
use tokio::task::JoinSet;
use viva_core::evaluation::Status;
use viva_core::report::Report;
use viva_core::task::{ANALYZE_ANSWER, GENERATE_FINAL_REPORT, SYNTHESIZE};

use crate::cli::{DemoArgs, Settings};
use crate::house::{House, Timed};
use crate::table::{Table, clip};
use crate::up;
use sample::Sample;

/// Cells that a question may take on a line.
const QUESTION_WIDTH: usize = 44;

pub(crate) async fn run(args: DemoArgs, settings: &Settings) -> anyhow::Result<()> {
    let sample = Sample::choose(&args)?;
    let data = args.data.clone().unwrap_or_else(|| settings.viva_data.clone());
    std::fs::create_dir_all(&data).with_context(|| format!("the folder {} cannot be made", data.display()))?;
    let house = House::open(settings, &data).await?;
    let session = house.store().write().await?;
    sample.store(&session).await?;
    session.commit().await?;
    println!("\nVoicing {} questions", sample.questions.len());
    let voiced = voice(&house, &sample, &data).await?;
    println!("\nScoring {} answers with {}", sample.questions.len(), eval_worker::model::shown(&settings.llm));
    judge(&house, &sample).await?;
    let report = conclude(&house, &sample, &data).await?;
    show(&sample, &voiced, &report, &data);
    // A script has what it came for; a person looks at it.
    if std::io::stdout().is_terminal() && !args.no_page {
        up::serve(&house, args.listen, Some(sample.interview_id)).await?;
    }
    house.close().await
}

/// A question's clip, and how long it took to have it.
struct Voiced {
    audio_s: f64,
    timed: Timed,
}

async fn voice(house: &House, sample: &Sample, data: &Path) -> anyhow::Result<Vec<Voiced>> {
    let bar = progress(sample.questions.len());
    let mut voiced = Vec::new();
    for asked in &sample.questions {
        bar.set_message(clip(&asked.text, QUESTION_WIDTH));
        let kwargs = json!({ "language": sample.language, "question_id": asked.id });
        let timed = house.ask(SYNTHESIZE, vec![json!(asked.text)], kwargs).await?;
        let path = clip_path(data, asked.id);
        let audio_s = seconds(&path)?;
        let how = if is_stored(&timed.value) { "stored".to_owned() } else { format!("{:.1} s", timed.wall_s) };
        say(&bar, &format!("  q_{}  {audio_s:5.1} s of audio  {how:>7}  {}", asked.id, clip(&asked.text, QUESTION_WIDTH)));
        voiced.push(Voiced { audio_s, timed });
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(voiced)
}

/// Has all answers scored at once: they are decoded together, and shown as they land.
async fn judge(house: &House, sample: &Sample) -> anyhow::Result<()> {
    let bar = progress(sample.questions.len());
    let mut waiting = JoinSet::new();
    for (index, asked) in sample.questions.iter().enumerate() {
        let args = vec![json!(sample.transcript_id(index)), json!(asked.text), json!(asked.answer)];
        let kwargs = json!({ "rubric": null, "question_id": asked.id, "question_type": asked.stage });
        let result = house.send(ANALYZE_ANSWER, args, kwargs).await?;
        waiting.spawn(async move { (index, result.await) });
    }
    while let Some(landed) = waiting.join_next().await {
        let (index, timed) = landed?;
        let (asked, timed) = (&sample.questions[index], timed?);
        let verdict = match timed.value.get("total_score").and_then(Value::as_f64) {
            Some(total) => format!("{total:>3} / 100"),
            None => "no score ".to_owned(),
        };
        say(&bar, &format!("  {:<26} {verdict}  {:5.1} s  {}", asked.stage, timed.wall_s, clip(&asked.answer, QUESTION_WIDTH)));
        bar.inc(1);
    }
    bar.finish_and_clear();
    Ok(())
}

/// Has the report made, and writes it where people and scripts find it.
async fn conclude(house: &House, sample: &Sample, data: &Path) -> anyhow::Result<Report> {
    println!("\nWriting the report");
    house.ask(GENERATE_FINAL_REPORT, vec![json!(sample.interview_id)], json!({})).await?;
    house.report(sample.interview_id, data).await
}

fn show(sample: &Sample, voiced: &[Voiced], report: &Report, data: &Path) {
    let mut table = Table::new(["question", "", "audio s", "ms", "x real time"], [false, false, true, true, true]);
    for (asked, clip_made) in sample.questions.iter().zip(voiced) {
        let speed = if is_stored(&clip_made.timed.value) {
            "stored".to_owned()
        } else {
            format!("{:.2}", clip_made.audio_s / clip_made.timed.wall_s)
        };
        let ms = format!("{:.0}", clip_made.timed.wall_s * 1000.0);
        table.row([format!("q_{}", asked.id), clip(&asked.text, QUESTION_WIDTH), format!("{:.1}", clip_made.audio_s), ms, speed]);
    }
    println!("\n{table}");
    let mut table = Table::new(["stage", "score", "expected", "band", "why not"], [false, true, true, false, false]);
    for evaluation in &report.evaluations {
        let why = evaluation.reason.as_ref().map(|note| clip(&note.detail, 60)).unwrap_or_default();
        let score = match (evaluation.status, evaluation.total) {
            (Status::Scored, Some(total)) => total.to_string(),
            _ => "-".to_owned(),
        };
        let expected = evaluation.expected_total.map_or_else(|| "-".to_owned(), |points| format!("{points:.1}"));
        table.row([evaluation.stage.clone(), score, expected, evaluation.band.clone().unwrap_or_default(), why]);
    }
    println!("{table}");
    let overall = report.overall.map_or_else(|| "none".to_owned(), |score| format!("{score:.1} / 100"));
    println!("  overall {overall}; {} of {} answers scored", report.counts.scored, report.counts.answers);
    for notice in &report.notices {
        println!("  NOTE: {}", notice.detail);
    }
    for (index, file) in crate::records::REPORT_FILES.iter().enumerate() {
        println!("{}{}", if index == 0 { "\n  report  " } else { "          " }, data.join(file).display());
    }
    println!("  audio   {}", data.join("audio").join("q_*.wav").display());
}

/// Whether the worker had the clip before it was asked.
fn is_stored(result: &Value) -> bool {
    result.get("cached").and_then(Value::as_bool).unwrap_or_default()
}

fn clip_path(data: &Path, question_id: i32) -> PathBuf {
    data.join("audio").join(format!("q_{question_id}.wav"))
}

/// Length of the file as it stands there: what a listener gets, not what the worker said.
fn seconds(path: &Path) -> anyhow::Result<f64> {
    let reader = hound::WavReader::open(path).with_context(|| format!("{} is no WAV file", path.display()))?;
    Ok(f64::from(reader.duration()) / f64::from(reader.spec().sample_rate))
}

/// A bar on a terminal; elsewhere nothing, since each step prints its line anyway.
fn progress(steps: usize) -> ProgressBar {
    let template = "  {bar:24} {pos}/{len}  {msg}";
    let style = ProgressStyle::with_template(template).expect("the template is a constant that parses; this is a bug");
    let bar = ProgressBar::new(steps as u64).with_style(style);
    bar.enable_steady_tick(std::time::Duration::from_millis(200));
    bar
}

fn say(bar: &ProgressBar, line: &str) {
    bar.suspend(|| println!("{line}"));
}
