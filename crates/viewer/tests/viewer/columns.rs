//! Reads columns as a page does.

use serde_json::Value;

/// Returns the numbers of a column of differences.
pub(crate) fn deltas(column: &Value) -> Vec<Option<i64>> {
    let mut sum = 0;
    let number = |difference: &Value| {
        let difference = difference.as_i64()?;
        sum += difference;
        Some(sum)
    };
    column.as_array().unwrap().iter().map(number).collect()
}

/// Returns the lists of a column of runs.
pub(crate) fn lists(column: &Value) -> Vec<Vec<i64>> {
    let counts = column["count"].as_array().unwrap().iter().map(|count| count.as_i64().unwrap());
    let mut runs = deltas(&column["first"]).into_iter().map(Option::unwrap).zip(counts);
    let rows = column["runs"].as_array().unwrap().iter().map(|runs| usize::try_from(runs.as_u64().unwrap()).unwrap());
    rows.map(|count| runs.by_ref().take(count).flat_map(|(first, count)| first..first + count).collect()).collect()
}

/// Returns the texts of a column of words.
pub(crate) fn words(column: &Value) -> Vec<Option<String>> {
    let text = |place: &Value| {
        let place = usize::try_from(place.as_u64()?).unwrap();
        Some(column["words"][place].as_str().unwrap().to_owned())
    };
    column["at"].as_array().unwrap().iter().map(text).collect()
}
