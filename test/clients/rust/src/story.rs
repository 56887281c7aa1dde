//! What is told, where to, and how what was seen is said: see ../../foreign/foreign-client.ts for the lines on stdout.

use serde::{Deserialize, Serialize};

pub type Failure = Box<dyn std::error::Error + Send + Sync>;

#[derive(Deserialize)]
pub struct Resource {
    pub id: String,
    pub parent_id: Option<String>,
    pub name: String,
    #[serde(default = "one")]
    pub capacity: i64,
    #[serde(default)]
    pub buffer_after: i64,
}

fn one() -> i64 {
    1
}

#[derive(Deserialize)]
pub struct Rule {
    pub id: String,
    pub resource_id: String,
    pub start: i64,
    pub end: i64,
    pub blocking: bool,
}

#[derive(Deserialize)]
pub struct Booking {
    pub id: String,
    pub resource_id: String,
    pub start: i64,
    pub end: i64,
    pub label: Option<String>,
}

#[derive(Deserialize)]
pub struct Hold {
    pub id: String,
    pub resource_id: String,
    pub start: i64,
    pub end: i64,
    pub expires_at: i64,
}

#[derive(Deserialize)]
pub struct Interview {
    pub id: String,
    pub label: String,
}

#[derive(Deserialize, Serialize)]
pub struct Run {
    pub start: i64,
    pub end: i64,
}

#[derive(Serialize)]
pub struct RoomRun {
    pub resource_id: String,
    pub start: i64,
    pub end: i64,
}

#[derive(Serialize)]
pub struct DiaryEntry {
    pub room: String,
    pub label: Option<String>,
    pub start: i64,
    pub end: i64,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub struct Story {
    pub house: Resource,
    pub small: Resource,
    pub large: Resource,
    pub open: Rule,
    pub cleaning: Rule,
    pub ada: Booking,
    pub grace: Booking,
    pub late: Booking,
    pub batch: Vec<Booking>,
    pub bad_batch: Vec<Booking>,
    pub hold: Hold,
    pub interview: Interview,
    pub window: Run,
    pub min_duration: i64,
    pub never: Booking,
    pub moved: Run,
    pub channel: String,
    pub heard: usize,
}

#[derive(Serialize, Default)]
pub struct Conflict {
    pub code: String,
    pub message: String,
}

#[derive(Serialize, Default)]
#[serde(rename_all = "camelCase")]
pub struct Outcome {
    pub batch: Vec<String>,
    pub conflict: Conflict,
    pub repeated: u64,
    pub bad_batch: String,
    pub interview: Vec<RoomRun>,
    pub holds_left: i64,
    pub free: Vec<Run>,
    pub free_per_room: Vec<RoomRun>,
    pub free_together: Vec<Run>,
    pub inside: usize,
    pub after_rollback: usize,
    pub heard: Vec<serde_json::Value>,
    pub diary: Vec<DiaryEntry>,
}

pub const ADD_RESOURCE: &str =
    "INSERT INTO resources (id, parent_id, name, capacity, buffer_after) VALUES ($1, $2, $3, $4, $5)";
pub const ADD_RULE: &str =
    r#"INSERT INTO rules (id, resource_id, start, "end", blocking) VALUES ($1, $2, $3, $4, $5)"#;
pub const BOOK: &str =
    r#"INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ($1, $2, $3, $4, $5)"#;
pub const BOOK_ONCE: &str =
    r#"INSERT INTO bookings (id, resource_id, start, "end", label) VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING"#;
pub const HOLD: &str =
    r#"INSERT INTO holds (id, resource_id, start, "end", expires_at) VALUES ($1, $2, $3, $4, $5)"#;
pub const TAKE: &str =
    r#"INSERT INTO bookings (id, hold_id, label) VALUES ($1, $2, $3) RETURNING resource_id, start, "end""#;
pub const HOLDS: &str = "SELECT count(*) FROM holds WHERE resource_id = $1";
pub const FREE: &str = r#"SELECT start, "end" FROM availability
    WHERE resource_id = $1 AND start >= $2 AND "end" <= $3 AND min_duration = $4"#;
pub const FREE_PER_ROOM: &str = r#"SELECT resource_id, start, "end" FROM availability
    WHERE resource_id = ANY($1) AND start >= $2 AND "end" <= $3 AND per_resource = true"#;
pub const FREE_TOGETHER: &str = r#"SELECT start, "end" FROM availability
    WHERE resource_id IN ($1, $2) AND start >= $3 AND "end" <= $4"#;
pub const LOOK: &str = "SELECT id FROM bookings WHERE resource_id = $1 AND start = $2";
pub const CANCEL: &str = "DELETE FROM bookings WHERE id = $1";
pub const MOVE: &str = r#"UPDATE bookings SET start = $1, "end" = $2 WHERE id = $3"#;
pub const DIARY: &str = r#"SELECT r.name, b.label, b.start, b."end"
    FROM bookings b JOIN resources r ON r.id = b.resource_id ORDER BY b.start, r.name"#;

pub fn variable(name: &str) -> String {
    std::env::var(name).unwrap_or_else(|_| panic!("{name} is not set"))
}

pub fn read_story() -> Result<Story, Failure> {
    Ok(serde_json::from_slice(&std::fs::read(variable("STORY"))?)?)
}

pub fn say(teller: &str, outcome: &Outcome) -> Result<(), Failure> {
    println!("story {teller} {}", serde_json::to_string(outcome)?);
    Ok(())
}

/// An error where something is not what it should be.
pub fn expect<T: PartialEq + std::fmt::Debug>(what: &str, seen: T, wanted: T) -> Result<(), Failure> {
    if seen == wanted {
        return Ok(());
    }
    Err(format!("{what} is {seen:?} instead of {wanted:?}").into())
}
