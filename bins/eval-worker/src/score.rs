//! `eval-worker score`: one answer, without a store.

use std::io::Read as _;

use tokio_util::sync::CancellationToken;
use viva_core::evaluation::Evaluation;
use viva_scoring::{Answer, Language};

use crate::cli::ScoreArgs;
use crate::{inference, model};

pub(crate) async fn run(args: ScoreArgs) -> anyhow::Result<()> {
    let language = args.language.map_or_else(|| Language::detect(&args.question), Into::into);
    let answer = Answer {
        interview_id: None,
        transcript_id: None,
        question_id: None,
        stage: args.stage,
        question: args.question,
        text: if args.answer == "-" { stdin()? } else { args.answer },
        language,
        seconds: None,
    };
    let judge = model::judge(args.model).await?;
    let work = move |cancel: &viva_llm::Cancel| judge.evaluate(&answer, cancel);
    let evaluation = inference::run(&CancellationToken::new(), work).await?;
    if args.json {
        println!("{}", serde_json::to_string_pretty(&evaluation)?);
    } else {
        print!("{}", summary(&evaluation));
    }
    Ok(())
}

fn stdin() -> anyhow::Result<String> {
    let mut text = String::new();
    std::io::stdin().read_to_string(&mut text)?;
    Ok(text)
}

/// The evaluation in a few lines. A number never stands without what it rests on.
fn summary(evaluation: &Evaluation) -> String {
    let mut lines = Vec::new();
    match (evaluation.total, &evaluation.band) {
        (Some(total), Some(band)) => {
            let expected = evaluation.expected_total.map(|points| format!(", expected {points:.1}")).unwrap_or_default();
            lines.push(format!("{total} / {} ({band}){expected}", evaluation.max));
        }
        _ => lines.push(evaluation.status.as_str().to_owned()),
    }
    lines.extend(evaluation.reason.as_ref().map(|reason| format!("  {}: {}", reason.code, reason.detail)));
    for item in &evaluation.items {
        let quotes: Vec<&str> = item.evidence.iter().map(|evidence| evidence.quote.as_str()).collect();
        let expected = item.expected.map(|points| format!(" (expected {points:.1})")).unwrap_or_default();
        lines.push(format!("  {:>3} / {:<3} {}{expected}  {}", item.score, item.max, item.title, quotes.join(" | ")));
    }
    lines.extend(evaluation.feedback.as_ref().map(|feedback| format!("  {feedback}")));
    lines.extend(evaluation.warnings.iter().map(|warning| format!("  ! {}", warning.detail)));
    let model = &evaluation.provenance.model;
    if model.parameters < viva_scoring::report::SMALLEST_JUDGE {
        lines.push(format!("  ! {} is too small a model: this score means nothing about the answer", model.name));
    }
    lines.join("\n") + "\n"
}
