//! The sections of a resume: which lines are headings, and what stands under them.
//!
//! A heading is marked (`# 경력`, `[경력]`, `■ 경력`), or it is one of the words that resumes use, alone on its line. Everything
//! else is text: taking a line of text for a heading would cut a passage in two, missing a heading only leaves it in the text.

use std::ops::Range;

/// Longest heading, in characters.
const TITLE_MAX: usize = 24;

const WORDS: &[&str] = &[
    "인적사항",
    "기본정보",
    "지원분야",
    "지원직무",
    "요약",
    "핵심역량",
    "보유기술",
    "기술스택",
    "기술",
    "스킬",
    "학력",
    "학력사항",
    "경력",
    "경력사항",
    "경력기술서",
    "업무경험",
    "인턴",
    "인턴경험",
    "프로젝트",
    "프로젝트경험",
    "주요프로젝트",
    "활동",
    "대외활동",
    "교내활동",
    "동아리",
    "봉사활동",
    "수상",
    "수상경력",
    "수상내역",
    "자격증",
    "자격사항",
    "어학",
    "외국어",
    "교육",
    "교육이수",
    "병역",
    "논문",
    "자기소개",
    "자기소개서",
    "성장과정",
    "지원동기",
    "지원동기및포부",
    "입사후포부",
    "성격의장단점",
    "장단점",
    "직무역량",
    "포트폴리오",
    "profile",
    "summary",
    "aboutme",
    "objective",
    "contact",
    "skills",
    "technicalskills",
    "techstack",
    "experience",
    "workexperience",
    "professionalexperience",
    "employment",
    "employmenthistory",
    "internships",
    "education",
    "projects",
    "personalprojects",
    "activities",
    "volunteering",
    "awards",
    "honors",
    "honorsandawards",
    "certifications",
    "certificates",
    "licenses",
    "languages",
    "publications",
    "interests",
    "references",
    "coverletter",
    "motivation",
    "strengthsandweaknesses",
];

const MARKS: &[char] = &['■', '□', '◆', '◇', '●', '○', '▶', '▷', '◎', '★', '☆', '※'];
const BRACKETS: &[(char, char)] = &[('[', ']'), ('<', '>'), ('【', '】'), ('「', '」'), ('〈', '〉'), ('《', '》')];

/// A section: its title, and where its text stands, in bytes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) struct Section {
    pub(crate) title: String,
    pub(crate) range: Range<usize>,
}

/// The sections of a resume, in its order. A heading with nothing under it is a text of its own.
pub(crate) fn sections(resume: &str) -> Vec<Section> {
    let mut found = vec![Section { title: String::new(), range: 0..0 }];
    let mut heading = 0..0;
    let mut end = 0;
    for line in resume.split_inclusive('\n') {
        let start = end;
        end += line.len();
        let Some(title) = heading_of(line) else { continue };
        close(&mut found, resume, &heading, start);
        heading = start..end;
        found.push(Section { title, range: end..end });
    }
    close(&mut found, resume, &heading, resume.len());
    found.retain(|section| !resume[section.range.clone()].trim().is_empty());
    found
}

/// Ends the last section; if nothing stands in it, its heading is what it says.
fn close(found: &mut [Section], resume: &str, heading: &Range<usize>, end: usize) {
    let Some(last) = found.last_mut() else { return };
    last.range.end = end;
    if resume[last.range.clone()].trim().is_empty() {
        last.title.clear();
        last.range = heading.clone();
    }
}

fn heading_of(line: &str) -> Option<String> {
    let line = line.trim();
    let marked = marked(line);
    let title = marked.unwrap_or(line).trim_end_matches([':', '：']).trim();
    let length = title.chars().count();
    let fits = (1..=TITLE_MAX).contains(&length) && title.chars().any(char::is_alphabetic);
    (fits && (marked.is_some() || WORDS.contains(&fold(title).as_str()))).then(|| title.to_owned())
}

/// What the marks of a heading enclose.
fn marked(line: &str) -> Option<&str> {
    let hashes = line.trim_start_matches('#');
    if hashes.len() < line.len() && hashes.starts_with(' ') {
        return Some(hashes.trim());
    }
    if let Some(rest) = line.strip_prefix(MARKS) {
        return Some(rest.trim());
    }
    BRACKETS.iter().find_map(|(open, close)| line.strip_prefix(*open)?.strip_suffix(*close)).map(str::trim)
}

/// Letters and digits only, in lower case; a number in front counts nothing.
fn fold(title: &str) -> String {
    let title = title.trim_start_matches(|character: char| character.is_ascii_digit() || ". )".contains(character));
    let letters = title.replace('&', "and");
    letters.chars().filter(|character| character.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}
