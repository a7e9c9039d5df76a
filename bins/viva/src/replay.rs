//! `viva replay`: stored scores, computed again.

use std::sync::Arc;

use anyhow::{Context as _, bail, ensure};
use clap::Args;
use eval_worker::cli::Instructions;
use viva_core::SystemClock;
use viva_core::evaluation::Evaluation;
use viva_core::store::Store;
use viva_scoring::replay::{Replayed, replay};
use viva_scoring::{Error, Rubric};

use crate::cli::Settings;

/// Arguments of `replay`.
#[derive(Debug, Args)]
pub(crate) struct ReplayArgs {
    /// Evaluations, as the report shows their ids.
    #[arg(value_name = "EVALUATION", required_unless_present_any = ["interview", "all"])]
    evaluations: Vec<String>,
    /// The newest evaluation of each answer of an interview.
    #[arg(long, value_name = "ID")]
    interview: Option<i32>,
    /// Those of every interview.
    #[arg(long, conflicts_with = "interview")]
    all: bool,
    /// Instructions to compute with [default: the best that the processor has].
    #[arg(long, value_enum)]
    instructions: Option<Instructions>,
}

pub(crate) async fn run(args: ReplayArgs, settings: &Settings) -> anyhow::Result<()> {
    let store = settings.store().await?;
    let stored = chosen(&store, &args).await?;
    ensure!(!stored.is_empty(), "there are no evaluations to replay");
    let mut rubrics = Vec::with_capacity(stored.len());
    for evaluation in &stored {
        rubrics.push(rubric_of(&store, evaluation, settings).await?);
    }
    store.close().await?;
    let (home, llm, instructions) = (settings.home()?, settings.llm.clone(), args.instructions);
    let total = stored.len();
    let (equal, other_class, differing) = tokio::task::spawn_blocking(move || -> anyhow::Result<_> {
        let engine = match instructions {
            Some(instructions) => eval_worker::model::open_with(&llm, &home, instructions.into())?,
            None => eval_worker::model::open(&llm, &home)?,
        };
        let again = |(evaluation, rubric): (&Evaluation, Rubric)| replay(Arc::clone(&engine), rubric, Arc::new(SystemClock), evaluation);
        // All at once: the engine decodes them together, and they must not mind.
        let replayed: Vec<Result<Replayed, Error>> = std::thread::scope(|scope| {
            let again = &again;
            let running: Vec<_> = stored.iter().zip(rubrics).map(|pair| scope.spawn(move || again(pair))).collect();
            running.into_iter().map(|one| one.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))).collect()
        });
        let (mut equal, mut other_class, mut differing) = (0, 0, 0);
        for (evaluation, replayed) in stored.iter().zip(replayed) {
            let replayed = replayed.with_context(|| format!("evaluation {} cannot be replayed", evaluation.evaluation_id))?;
            println!("{}  {}", evaluation.evaluation_id, told(evaluation, &replayed));
            equal += usize::from(replayed.equal);
            other_class += usize::from(!replayed.equal && !replayed.same_class);
            differing += usize::from(!replayed.equal && replayed.same_class);
        }
        Ok((equal, other_class, differing))
    })
    .await??;
    println!("{equal} of {total} came out byte for byte as they were stored");
    if other_class > 0 {
        println!("{other_class} differ, and were made on another numeric class, which promises nothing else");
    }
    if differing > 0 {
        bail!("{differing} differ on the numeric class that they were made on: the record, the model or the engine is not what it was");
    }
    Ok(())
}

async fn chosen(store: &Store, args: &ReplayArgs) -> anyhow::Result<Vec<Evaluation>> {
    let unit = store.read().await?;
    let mut found = Vec::new();
    for id in &args.evaluations {
        found.push(unit.evaluations().get(id).await?);
    }
    let interviews = if args.all { unit.evaluations().interviews().await? } else { args.interview.into_iter().collect() };
    for interview in interviews {
        found.extend(unit.evaluations().newest(interview).await?);
    }
    unit.rollback().await?;
    Ok(found)
}

/// The rubric that the record names: the one kept beside it, or the one at hand.
async fn rubric_of(store: &Store, evaluation: &Evaluation, settings: &Settings) -> anyhow::Result<Rubric> {
    let unit = store.read().await?;
    let kept = unit.rubrics().find(&evaluation.rubric.sha256).await?;
    unit.rollback().await?;
    match kept {
        Some(yaml) => Ok(Rubric::parse("kept with the scores", &yaml)?),
        None => eval_worker::model::rubric(settings.rubric.as_deref()),
    }
}

fn told(stored: &Evaluation, replayed: &Replayed) -> String {
    let class = (&stored.provenance.model, &replayed.again.provenance.model);
    let place = if replayed.same_class {
        format!("on {}", class.1.numeric_class)
    } else {
        format!("made on {} {}, here {} {}", class.0.engine, class.0.numeric_class, class.1.engine, class.1.numeric_class)
    };
    let result = match (replayed.equal, replayed.difference(stored)) {
        (true, _) => "equal".to_owned(),
        (false, Some(0)) => "same total, other words or quotes".to_owned(),
        (false, Some(points)) => format!("total differs by {points:+}"),
        (false, None) => format!("{} became {}", stored.status.as_str(), replayed.again.status.as_str()),
    };
    format!("{result} ({place})")
}
