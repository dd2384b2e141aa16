//! Prints the OpenAPI document of the API.

fn main() -> Result<(), Box<dyn std::error::Error>> {
    println!("{}", serde_json::to_string_pretty(&hookbench_api::document())?);
    Ok(())
}
