use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

/// Things by their names, for the whole process; a name given again replaces what had it.
pub(crate) struct Names<T: ?Sized>(Mutex<Vec<(&'static str, Arc<T>)>>);

impl<T: ?Sized> Names<T> {
    pub(crate) const fn new() -> Self {
        Self(Mutex::new(Vec::new()))
    }

    /// Enters a thing; gives the name as one that lives on.
    pub(crate) fn set(&self, name: &str, thing: Arc<T>) -> &'static str {
        let mut entries = self.entries();
        if let Some((known, old)) = entries.iter_mut().find(|(known, _)| *known == name) {
            *old = thing;
            return known;
        }
        let name: &'static str = Box::leak(name.to_owned().into_boxed_str());
        entries.push((name, thing));
        name
    }

    pub(crate) fn get(&self, name: &str) -> Option<(&'static str, Arc<T>)> {
        let entries = self.entries();
        let found = entries.iter().find(|(known, _)| *known == name);
        found.map(|(name, thing)| (*name, thing.clone()))
    }

    fn entries(&self) -> MutexGuard<'_, Vec<(&'static str, Arc<T>)>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
