//! Seeds. The session's seed and libtorch's generator belong to the process, hence the lock.

use std::sync::{Mutex, MutexGuard, PoisonError};

use labbook_nn::Activation::{Relu, Softmax};
use labbook_nn::{
    Adam, Conv2D, Dense, Dropout, Fit, Flatten, MaxPooling2D, Result, Sequential,
    SparseCategoricalCrossentropy, set_random_seed,
};
use tch::{Device, Kind, Tensor};

fn alone() -> MutexGuard<'static, ()> {
    static LOCK: Mutex<()> = Mutex::new(());
    LOCK.lock().unwrap_or_else(PoisonError::into_inner)
}

fn images() -> (Tensor, Tensor) {
    let wave = Tensor::arange(50 * 8 * 8 * 3, (Kind::Float, Device::Cpu)) * 0.37;
    let y = Tensor::arange(50, (Kind::Int64, Device::Cpu)).remainder(3);
    (wave.sin().reshape([50, 8, 8, 3]), y)
}

/// Builds and trains a model; gives its losses and its last weight.
fn experiment(filters: i64, seed: Option<u64>) -> Result<(Vec<f64>, Tensor)> {
    let mut model = Sequential::on(Device::Cpu);
    if let Some(seed) = seed {
        model = model.seeded(seed);
    }
    model.add(
        Conv2D::new(filters, 3)
            .activation(Relu)
            .input_shape((8, 8, 3)),
    );
    model.add(MaxPooling2D::new(2));
    model.add(Dropout::new(0.3));
    model.add(Flatten::new());
    model.add(Dense::new(3).activation(Softmax));
    model.compile(
        Adam::new(),
        SparseCategoricalCrossentropy::new(),
        ["accuracy"],
    )?;
    let (x, y) = images();
    let options = Fit::new()
        .epochs(3)
        .batch_size(16)
        .validation_data(&x, &y)
        .verbose(0);
    let history = model.fit(&x, &y, &options)?;
    let losses = history
        .columns()
        .iter()
        .flat_map(|(_, values)| values.clone());
    let (_, kernel) = model.weights()?.swap_remove(2);
    Ok((losses.collect(), kernel))
}

#[test]
fn an_experiment_repeats_exactly_whatever_ran_between() -> Result<()> {
    let _alone = alone();
    set_random_seed(42);
    let first = experiment(4, None)?;
    let other = experiment(6, None)?;
    let _ = Tensor::rand([10], (Kind::Float, Device::Cpu));
    let again = experiment(4, None)?;
    assert_eq!(first, again);
    assert_ne!(first.0, other.0);
    Ok(())
}

#[test]
fn seeds_make_experiments_differ() -> Result<()> {
    let _alone = alone();
    set_random_seed(1);
    let first = experiment(4, None)?;
    set_random_seed(2);
    let second = experiment(4, None)?;
    assert_ne!(first.0, second.0);
    assert_eq!(second, experiment(4, Some(2))?);
    set_random_seed(1);
    assert_eq!(first, experiment(4, None)?);
    Ok(())
}

#[test]
fn training_on_draws_new_orders() -> Result<()> {
    let _alone = alone();
    let (x, y) = images();
    let train = |epochs: [usize; 2]| -> Result<Tensor> {
        let mut model = Sequential::on(Device::Cpu).seeded(9);
        model.add(Flatten::new().input_shape((8, 8, 3)));
        model.add(Dense::new(3).activation(Softmax));
        model.compile(Adam::new(), SparseCategoricalCrossentropy::new(), [])?;
        for epochs in epochs {
            model.fit(&x, &y, &Fit::new().epochs(epochs).batch_size(7).verbose(0))?;
        }
        Ok(model.weights()?.swap_remove(0).1)
    };
    assert_eq!(train([1, 2])?, train([1, 2])?);
    assert_ne!(train([1, 2])?, train([2, 1])?);
    Ok(())
}
