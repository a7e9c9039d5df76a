use sea_orm::sea_query::{Expr, OnConflict, Query};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, DatabaseTransaction, EntityTrait as _, QueryFilter as _};
use serde_json::Value;

use super::ReportRow;
use super::entity::evaluation_reports::{Column, Entity};
use super::error::{During as _, Error};

/// Reports as the platform reads them, inside a unit of work.
#[derive(Debug)]
pub struct EvaluationReports<'s>(pub(super) &'s DatabaseTransaction);

impl EvaluationReports<'_> {
    /// The report of an interview, if it has one.
    pub async fn find(&self, interview_id: i32) -> Result<Option<ReportRow>, Error> {
        let find = Entity::find().filter(Column::InterviewId.eq(interview_id));
        find.one(self.0).await.during("reading a report")
    }

    /// Stores the report of its interview, in place of an earlier one, in one statement. The row keeps its id, whatever
    /// `report.id` says.
    pub async fn put(&self, report: &ReportRow) -> Result<(), Error> {
        let columns = [
            Column::TechnicalScore,
            Column::CommunicationScore,
            Column::CulturalFitScore,
            Column::SummaryText,
            Column::DetailsJson,
            Column::EvaluatorModel,
        ];
        let values: [Expr; 6] = [
            report.technical_score.into(),
            report.communication_score.into(),
            report.cultural_fit_score.into(),
            report.summary_text.clone().into(),
            report.details_json.clone().map_or(Expr::value(Option::<Value>::None), Expr::value),
            report.evaluator_model.clone().into(),
        ];
        // Both moments are the database's own: platforms have no default for them.
        let replace =
            OnConflict::column(Column::InterviewId).update_columns(columns).value("updated_at", Expr::current_timestamp()).to_owned();
        let insert = Query::insert()
            .into_table(Entity)
            .columns(columns)
            .columns(["interview_id", "created_at", "updated_at"])
            .values_panic(values.into_iter().chain([report.interview_id.into(), Expr::current_timestamp(), Expr::current_timestamp()]))
            .on_conflict(replace)
            .to_owned();
        self.0.execute(&insert).await.during("storing a report")?;
        Ok(())
    }
}
