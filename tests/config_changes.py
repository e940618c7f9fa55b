"""Changes of a config, for tests of what is refused."""


def put(*keys_and_value):
    """A change of one entry of the config."""

    def change(config):
        *keys, last, value = keys_and_value
        for key in keys:
            config = config[key]
        config[last] = value

    return change
