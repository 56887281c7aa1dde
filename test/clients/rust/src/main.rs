//! Tells the booking story through Rust's clients.

mod sqlx_teller;
mod story;
mod tokio_teller;

use story::{read_story, Failure};

/// The version of a package, from the lock file.
fn say_version(package: &str, teller: &str) -> Result<(), Failure> {
    let lock = std::fs::read_to_string("Cargo.lock")?;
    let found = lock.split("[[package]]").find(|entry| entry.contains(&format!("name = \"{package}\"")));
    let version = found.and_then(|entry| entry.split("version = \"").nth(1)).and_then(|rest| rest.split('"').next());
    println!("version {teller} {}", version.unwrap_or("unknown"));
    Ok(())
}

#[tokio::main]
async fn main() -> Result<(), Failure> {
    let story = read_story()?;
    say_version("tokio-postgres", "tokio_postgres")?;
    say_version("sqlx", "sqlx")?;
    tokio_teller::tell(&story).await?;
    sqlx_teller::tell(&story).await?;
    tokio_teller::beyond(&story).await?;
    sqlx_teller::beyond(&story).await
}
