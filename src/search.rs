//! Keywords: how a part of a text is looked for.

/// `%keyword%` for `like … escape '!'`, with the keyword's own wildcards taken literally.
pub fn pattern(keyword: &str) -> String {
    let mut pattern = String::from("%");
    for letter in keyword.chars() {
        if matches!(letter, '%' | '_' | '!') {
            pattern.push('!');
        }
        pattern.push(letter);
    }
    pattern.push('%');
    pattern
}
