use sea_orm::sea_query::{DynIden, Expr, IntoIden as _, OnConflict, Query};
use sea_orm::{ColumnTrait as _, ConnectionTrait as _, EntityTrait as _, QueryFilter as _};
use serde_json::json;

use super::entity::evaluation_reports::{Column, Entity};
use super::error::{During as _, Error};
use super::{ReportRow, Session, Topic};

/// Reports as the platform reads them, inside a unit of work.
#[derive(Debug)]
pub struct EvaluationReports<'s>(pub(super) &'s Session);

impl EvaluationReports<'_> {
    /// The report of an interview, if it has one.
    pub async fn find(&self, interview_id: i32) -> Result<Option<ReportRow>, Error> {
        let find = Entity::find().filter(Column::InterviewId.eq(interview_id));
        find.one(self.0.connection()).await.during("reading a report")
    }

    /// Stores the report of its interview, in place of an earlier one, in one statement. The row keeps its id, whatever
    /// `report.id` says.
    pub async fn put(&self, report: &ReportRow) -> Result<(), Error> {
        let written: [(Column, Expr); 6] = [
            (Column::TechnicalScore, report.technical_score.into()),
            (Column::CommunicationScore, report.communication_score.into()),
            (Column::CulturalFitScore, report.cultural_fit_score.into()),
            (Column::SummaryText, report.summary_text.clone().into()),
            (Column::DetailsJson, report.details_json.clone().into()),
            (Column::EvaluatorModel, report.evaluator_model.clone().into()),
        ];
        // Both moments are the database's own: platforms have no default for them.
        let replace = OnConflict::column(Column::InterviewId)
            .update_columns(written.iter().map(|(column, _)| *column))
            .value("updated_at", Expr::current_timestamp())
            .to_owned();
        let (mut columns, mut values): (Vec<DynIden>, Vec<Expr>) =
            written.into_iter().map(|(column, value)| (column.into_iden(), value)).unzip();
        columns.extend([Column::InterviewId.into_iden(), "created_at".into_iden(), "updated_at".into_iden()]);
        values.extend([report.interview_id.into(), Expr::current_timestamp(), Expr::current_timestamp()]);
        let insert = Query::insert().into_table(Entity).columns(columns).values_panic(values).on_conflict(replace).to_owned();
        self.0.connection().execute(&insert).await.during("storing a report")?;
        let overall = report.details_json.as_ref().and_then(|details| details.get("overall_score"));
        self.0.tell(Topic::Interview(report.interview_id), "report.ready", json!({ "overall": overall }));
        Ok(())
    }
}
