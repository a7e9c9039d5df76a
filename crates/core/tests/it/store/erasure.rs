//! Whoever asks to be forgotten is: no text, no score, and a log that still holds.

use sea_orm::{ConnectionTrait as _, DatabaseConnection, DbBackend, Statement};
use viva_core::Digest;
use viva_core::evaluation::Status;
use viva_core::store::{Question, Resume, ResumeChunk, ResumeChunkSet, Store, Transcript};

use super::Database;
use super::fixture::{evaluation, interview, question, report, transcript};

/// Stands in every text of the candidate, and nowhere else.
const SECRET: &str = "zebra";

async fn filled(database: &Database) -> Store {
    let store = database.store().await;
    let unit = store.write().await.unwrap();
    for id in [153, 154] {
        unit.interviews().put(&interview(id)).await.unwrap();
        unit.evaluation_reports().put(&report(id, 50.0)).await.unwrap();
    }
    unit.questions().put(&question(7)).await.unwrap();
    let follow_up = |id, content: String| Question { content, question_type: Some("skill_followup".to_owned()), ..question(id) };
    unit.questions().put(&follow_up(8, format!("{SECRET}를 어떻게 쓰셨나요?"))).await.unwrap();
    unit.questions().put(&follow_up(9, "둘에게 물은 것".to_owned())).await.unwrap();
    for (id, interview_id, question_id, text) in
        [(1, 153, 7, SECRET), (2, 153, 8, SECRET), (3, 153, 9, SECRET), (4, 154, 9, "다른 사람의 말"), (5, 154, 7, "또 다른 말")]
    {
        unit.transcripts().put(&Transcript { interview_id, text: text.to_owned(), ..transcript(id, question_id) }).await.unwrap();
        let mut stored = evaluation(id, &format!("c{id}"), Status::Scored);
        stored.interview_id = Some(interview_id);
        text.clone_into(&mut stored.answer);
        stored.feedback = Some(format!("{text}에 대해 말했습니다"));
        let stored = unit.evaluations().record(&stored).await.unwrap();
        unit.reviews().record(&stored.evaluation_id, "kim", Some(9), &format!("{text}: 좋습니다")).await.unwrap();
    }
    // One resume that this interview alone goes by, one that another goes by, too.
    let passage = |text: &str| ResumeChunk { section: "경력".to_owned(), start: 0, end: 5, text: text.to_owned(), embedding: vec![0; 4] };
    let set = |text: &str| ResumeChunkSet { computation: Digest::of(text.as_bytes()), model: "m".to_owned(), chunks: vec![passage(text)] };
    for (interview_id, resume_id, text) in [(153, 1, SECRET), (154, 2, "또 다른 경력")] {
        let resume = Resume { id: resume_id, extracted_text: None, structured_data: None, processing_status: "completed".to_owned() };
        unit.resumes().put(&resume).await.unwrap();
        unit.resume_chunks().replace(resume_id, &set(text)).await.unwrap();
        unit.interviews().attach_resume(interview_id, resume_id).await.unwrap();
    }
    unit.commit().await.unwrap();
    store
}

/// How many rows of any table hold the text.
async fn rows_with(raw: &DatabaseConnection, text: &str) -> i64 {
    let backend = raw.get_database_backend();
    let tables = match backend {
        DbBackend::Sqlite => "SELECT name FROM sqlite_master WHERE type = 'table'",
        _ => "SELECT table_name::text AS name FROM information_schema.tables WHERE table_schema = 'public'",
    };
    let mut found = 0;
    for table in raw.query_all_raw(Statement::from_string(backend, tables)).await.unwrap() {
        let table: String = table.try_get("", "name").unwrap();
        let sql = match backend {
            // Every column in one text.
            DbBackend::Sqlite => {
                let columns = raw.query_all_raw(Statement::from_string(backend, format!("SELECT name FROM pragma_table_info('{table}')")));
                let columns = columns.await.unwrap().iter().map(|row| row.try_get::<String>("", "name").unwrap()).collect::<Vec<_>>();
                let whole: Vec<String> = columns.iter().map(|column| format!("COALESCE(\"{column}\", '')")).collect();
                format!("SELECT COUNT(*) AS n FROM \"{table}\" WHERE {} LIKE '%{text}%'", whole.join(" || "))
            }
            _ => format!("SELECT COUNT(*) AS n FROM \"{table}\" AS t WHERE t::text LIKE '%{text}%'"),
        };
        let row = raw.query_one_raw(Statement::from_string(backend, sql)).await.unwrap().unwrap();
        found += row.try_get::<i64>("", "n").unwrap();
    }
    found
}

pub async fn nothing_is_left_of_whoever_is_erased_and_the_chain_holds(database: Database) {
    let store = filled(&database).await;
    let raw = database.raw().await;
    assert!(rows_with(&raw, SECRET).await >= 10);
    let entries = store.check_log(None).await.unwrap().entries;
    let erased = store.erase_interview(153).await.unwrap();
    assert_eq!((erased.evaluations, erased.transcripts, erased.questions), (3, 3, vec![8]));
    assert_eq!(rows_with(&raw, SECRET).await, 0);
    let checked = store.check_log(None).await.unwrap();
    // Each evaluation and each review leaves its own entry and one that says that it was erased.
    assert_eq!((checked.faults, checked.entries, checked.erased), (Vec::new(), entries + 6, 6));
    assert_eq!((checked.evaluations, checked.reviews), (2, 2));
    if raw.get_database_backend() == DbBackend::Sqlite {
        let folder = database.file();
        for file in std::fs::read_dir(folder.parent().unwrap()).unwrap() {
            let bytes = std::fs::read(file.unwrap().path()).unwrap();
            assert!(!bytes.windows(SECRET.len()).any(|window| window == SECRET.as_bytes()), "the text can be read in the file");
        }
    }
}

pub async fn others_keep_what_is_theirs(database: Database) {
    let store = filled(&database).await;
    store.erase_interview(153).await.unwrap();
    let unit = store.read().await.unwrap();
    assert_eq!(unit.evaluations().newest(154).await.unwrap().len(), 2);
    assert_eq!(unit.transcripts().get(4).await.unwrap().text, "다른 사람의 말");
    assert!(unit.evaluation_reports().find(154).await.unwrap().is_some());
    assert!(unit.evaluation_reports().find(153).await.unwrap().is_none());
    assert_eq!(unit.questions().get(9).await.unwrap().content, "둘에게 물은 것");
    assert_eq!(unit.questions().get(7).await.unwrap(), question(7), "a question that everybody is asked");
}

pub async fn whoever_was_erased_is_known_to_be(database: Database) {
    let store = filled(&database).await;
    let raw = database.raw().await;
    raw.execute_unprepared("UPDATE interviews SET candidate_id = 5 WHERE id = 153").await.unwrap();
    assert_eq!(store.interviews_of(5).await.unwrap(), [153]);
    assert_eq!(store.interviews_of(6).await.unwrap(), Vec::<i32>::new());
    for _ in 0..2 {
        store.erase_interview(153).await.unwrap();
    }
    let unit = store.read().await.unwrap();
    assert!(unit.is_erased(153).await.unwrap() && !unit.is_erased(154).await.unwrap());
}
