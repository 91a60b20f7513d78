# JupyterLab with the kernel compiled and warm, for a person who is not root.
#
#   docker build --tag labbook .
#   docker run --rm --publish 8888:8888 --volume labbook:/home/jovyan/notebooks labbook
#
# The second command prints the address to open; what is in `notebooks` stays in the volume. Binder takes this
# file as it is: where there is no folder `binder`, it looks here. A development container takes it through
# .devcontainer. The build compiles for a quarter of an hour on two cores and needs 8 GB.
FROM rust:1.95-slim-bookworm

RUN apt-get update -qq \
    && DEBIAN_FRONTEND=noninteractive apt-get install -qq -y --no-install-recommends \
        ca-certificates chromium fonts-dejavu-core g++ git python3-venv \
    && rm -rf /var/lib/apt/lists/* \
    && rustup component add rust-src clippy rustfmt

# Name and number are those that Binder gives.
ARG NB_USER=jovyan
ARG NB_UID=1000
RUN useradd --create-home --shell /bin/bash --uid "$NB_UID" "$NB_USER"
USER $NB_USER
ENV HOME=/home/$NB_USER
# The browser that prints reports cannot make a sandbox within this one.
ENV LABBOOK_CONTAINER=1
# Where the link below leads: for whoever starts Jupyter by its own name.
ENV PATH=$HOME/jupyter:$PATH

COPY --chown=$NB_UID . $HOME/labbook
# In one step, because the kernel's folders share their files. The first notebook is run to its end: so the
# image is known to work, and the first kernel has its folder.
RUN cd $HOME/labbook \
    && cargo xtask install \
    && labbook setup \
    && ln -s $HOME/.cache/labbook/venv-*/bin $HOME/jupyter \
    && mkdir $HOME/notebooks \
    && cd $HOME/notebooks \
    && labbook new first \
    && labbook new digits --kind images \
    && labbook report first.ipynb --format html \
    && rm first.html \
    && mkdir $HOME/.jupyter \
    && printf 'c.ServerApp.ip = "0.0.0.0"\nc.ServerApp.open_browser = False\n' \
        > $HOME/.jupyter/jupyter_server_config.py

WORKDIR $HOME/notebooks
VOLUME $HOME/notebooks
EXPOSE 8888
CMD ["labbook", "lab", "."]
