"""Write config/README.md and workflow/schemas/config.schema.json from the settings."""

import argparse
from pathlib import Path

from meanforce.errors import exits_cleanly
from meanforce.settings.documentation import readme, schema_text

ROOT = Path(__file__).resolve().parents[2]


@exits_cleanly
def main() -> None:
    argparse.ArgumentParser(description=__doc__).parse_args()
    (ROOT / "config" / "README.md").write_text(readme(), encoding="utf-8")
    schema = ROOT / "workflow" / "schemas" / "config.schema.json"
    schema.write_text(schema_text(), encoding="utf-8")


if __name__ == "__main__":
    main()
