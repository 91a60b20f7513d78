/// Names as they are kept, from any list of `&str` or `String`.
pub(crate) fn owned(names: impl IntoIterator<Item = impl AsRef<str>>) -> Vec<String> {
    let names = names.into_iter();
    names.map(|name| name.as_ref().to_owned()).collect()
}
