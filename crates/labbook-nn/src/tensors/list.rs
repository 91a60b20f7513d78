use tch::Tensor;

/// One tensor or several: what `fit`, `evaluate` and `predict` take for inputs and targets.
///
/// Made from `&x`, `[&a, &b]`, `&[&a, &b]`, `(&a, &b)`, vectors and slices of tensors. The tensors share
/// their memory with those given.
///
/// ```
/// use labbook_nn::Tensors;
/// use tch::Tensor;
///
/// let (a, b) = (Tensor::from_slice(&[1.0]), Tensor::from_slice(&[2.0]));
/// assert_eq!(Tensors::from(&a).len(), 1);
/// assert_eq!(Tensors::from([&a, &b]).len(), 2);
/// ```
#[derive(Debug)]
pub struct Tensors(pub(crate) Vec<Tensor>);

impl Tensors {
    /// How many there are.
    #[must_use]
    pub fn len(&self) -> usize {
        self.0.len()
    }

    /// Whether there is none.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// The tensors in their order.
    pub fn as_slice(&self) -> &[Tensor] {
        &self.0
    }
}

impl Clone for Tensors {
    fn clone(&self) -> Self {
        Self(shared(self.0.iter()))
    }
}

fn shared<'a>(tensors: impl IntoIterator<Item = &'a Tensor>) -> Vec<Tensor> {
    tensors.into_iter().map(Tensor::shallow_clone).collect()
}

impl From<Tensor> for Tensors {
    fn from(tensor: Tensor) -> Self {
        Self(vec![tensor])
    }
}

impl From<()> for Tensors {
    fn from((): ()) -> Self {
        Self(Vec::new())
    }
}

impl From<&Tensor> for Tensors {
    fn from(tensor: &Tensor) -> Self {
        Self(shared([tensor]))
    }
}

impl From<&mut Tensor> for Tensors {
    fn from(tensor: &mut Tensor) -> Self {
        Self(shared([&*tensor]))
    }
}

impl From<&&Tensor> for Tensors {
    fn from(tensor: &&Tensor) -> Self {
        Self(shared([*tensor]))
    }
}

impl From<&Tensors> for Tensors {
    fn from(tensors: &Tensors) -> Self {
        tensors.clone()
    }
}

impl From<Vec<Tensor>> for Tensors {
    fn from(tensors: Vec<Tensor>) -> Self {
        Self(tensors)
    }
}

impl From<&Vec<Tensor>> for Tensors {
    fn from(tensors: &Vec<Tensor>) -> Self {
        Self(shared(tensors))
    }
}

impl From<&[Tensor]> for Tensors {
    fn from(tensors: &[Tensor]) -> Self {
        Self(shared(tensors))
    }
}

impl<const N: usize> From<[Tensor; N]> for Tensors {
    fn from(tensors: [Tensor; N]) -> Self {
        Self(tensors.into())
    }
}

impl<const N: usize> From<&[Tensor; N]> for Tensors {
    fn from(tensors: &[Tensor; N]) -> Self {
        Self(shared(tensors))
    }
}

impl<const N: usize> From<[&Tensor; N]> for Tensors {
    fn from(tensors: [&Tensor; N]) -> Self {
        Self(shared(tensors))
    }
}

impl<const N: usize> From<&[&Tensor; N]> for Tensors {
    fn from(tensors: &[&Tensor; N]) -> Self {
        Self(shared(tensors.iter().copied()))
    }
}

impl From<(&Tensor, &Tensor)> for Tensors {
    fn from((a, b): (&Tensor, &Tensor)) -> Self {
        Self(shared([a, b]))
    }
}

impl From<(&Tensor, &Tensor, &Tensor)> for Tensors {
    fn from((a, b, c): (&Tensor, &Tensor, &Tensor)) -> Self {
        Self(shared([a, b, c]))
    }
}
