use sea_orm::sea_query::OnConflict;
use sea_orm::{ActiveModelTrait as _, ColumnTrait as _, DatabaseTransaction, EntityTrait as _, IntoActiveModel as _, QueryFilter as _};

use super::entity::speech_clips::{Column, Entity, Model};
use super::error::{During as _, Error};
use crate::Digest;

/// What a speech computation made.
#[derive(Debug, Clone, PartialEq)]
pub struct Clip {
    /// The computation: everything that determined the sound.
    pub computation: Digest,
    /// The file's digest.
    pub digest: Digest,
    /// The file's size.
    pub bytes: u64,
    /// How long it sounds.
    pub duration_ms: f64,
    /// When it was made: wall clock, for people.
    pub created_at_ms: i64,
}

/// Which clip each speech computation made, inside a unit of work.
#[derive(Debug)]
pub struct SpeechClips<'s>(pub(super) &'s DatabaseTransaction);

impl SpeechClips<'_> {
    /// The clip of a computation. It counts only if its file is sound: ask `audio::Audio::open`.
    pub async fn find(&self, computation: &Digest) -> Result<Option<Clip>, Error> {
        let found = Entity::find_by_id(computation.as_str()).one(self.0).await.during("looking for a clip")?;
        found.map(Clip::try_from).transpose()
    }

    /// Stores the clip of a computation, unless it has one; returns the one that stands, in one statement.
    pub async fn record(&self, clip: &Clip) -> Result<Clip, Error> {
        // The update changes nothing; it makes the database return the row that is there.
        let existing = OnConflict::column(Column::Computation).update_column(Column::Computation).to_owned();
        let insert = Entity::insert(Model::from(clip).into_active_model()).on_conflict(existing);
        insert.exec_with_returning(self.0).await.during("storing a clip")?.try_into()
    }

    /// Puts a clip that was computed again in the place of the one whose file was lost, and returns the one that stands:
    /// another, if somebody else was faster.
    pub async fn replace(&self, lost: &Digest, clip: &Clip) -> Result<Clip, Error> {
        let row = Model::from(clip).into_active_model().reset_all();
        let update = Entity::update_many()
            .set(row)
            .filter(Column::Computation.eq(clip.computation.as_str()))
            .filter(Column::Digest.eq(lost.as_str()));
        update.exec(self.0).await.during("replacing a clip")?;
        self.record(clip).await
    }
}

impl From<&Clip> for Model {
    fn from(clip: &Clip) -> Self {
        Self {
            computation: clip.computation.to_string(),
            digest: clip.digest.to_string(),
            bytes: clip.bytes as i64,
            duration_ms: clip.duration_ms,
            created_at_ms: clip.created_at_ms,
        }
    }
}

impl TryFrom<Model> for Clip {
    type Error = Error;

    fn try_from(row: Model) -> Result<Self, Error> {
        let damaged = |source| Error::Damaged { table: "speech_clips", id: row.computation.clone(), source };
        let digest = |text: &str| text.parse::<Digest>().map_err(|source| damaged(source.into()));
        Ok(Self {
            computation: digest(&row.computation)?,
            digest: digest(&row.digest)?,
            bytes: row.bytes as u64,
            duration_ms: row.duration_ms,
            created_at_ms: row.created_at_ms,
        })
    }
}
