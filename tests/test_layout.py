"""Which module may import which: the package's layout, read from its syntax trees."""

import ast
import configparser
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import lightning_compose

ROOT = Path(__file__).parents[1]
PACKAGE = ROOT / "lightning_compose"
MODULES = sorted(PACKAGE.rglob("*.py"))
HEAVY = {"torch", "lightning", "diffusers", "transformers", "webdataset", "matplotlib"}
LIGHT_MODULES = [
    "lightning_compose",
    "lightning_compose.__main__",
    "lightning_compose.data.commands",
    "lightning_compose.shapes.commands",
]
DISTRIBUTION_OF = {"PIL": "pillow", "yaml": "pyyaml"}


def type_checking_only(node: ast.AST) -> bool:
    return isinstance(node, ast.If) and ast.unparse(node.test) in {"TYPE_CHECKING", "typing.TYPE_CHECKING"}


def import_nodes(node: ast.AST) -> Iterator[ast.Import | ast.ImportFrom]:
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Import | ast.ImportFrom):
            yield child
        elif not type_checking_only(child):
            yield from import_nodes(child)


def imports(path: Path) -> set[str]:
    """Every module that a file may import when it runs; of `from a import b` both a and a.b."""
    found = set()
    for node in import_nodes(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        else:
            assert node.level == 0, f"{path} has a relative import; write the full name."
            found |= {node.module, *(f"{node.module}.{alias.name}" for alias in node.names)}
    return found


def third_party(path: Path) -> set[str]:
    return {name.split(".")[0] for name in imports(path)} - set(sys.stdlib_module_names)


def importers(name: str) -> set[str]:
    return {
        path.relative_to(PACKAGE).as_posix()
        for path in MODULES
        if any(each == name or each.startswith(f"{name}.") for each in imports(path))
    }


def subclasses(folder: str, base: str) -> set[str]:
    """The subclasses of `base` in a folder: their modules, and their names where the folder offers them itself."""
    direct = {
        (path.stem, node.name)
        for path in (PACKAGE / folder).glob("*.py")
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ClassDef) and base in {ast.unparse(each) for each in node.bases}
    }
    found = {f"lightning_compose.{folder}.{name}" for names in direct for name in names}
    return found.union(*(subclasses(folder, name) for _, name in direct))


def test_modules_import_public_names_from_where_they_are():
    # Through the top of the package they would pass by the rules below.
    public = {f"lightning_compose.{name}" for name in lightning_compose.__all__}
    assert not {path: found for path in MODULES if (found := imports(path) & public)}


def test_the_reader_of_imports_sees_nested_ones_and_skips_those_for_types(tmp_path):
    source = "import a.b\nif TYPE_CHECKING:\n    import c\ndef f():\n    from d import e\n"
    (tmp_path / "m.py").write_text(source)
    assert imports(tmp_path / "m.py") == {"a.b", "d", "d.e"}


def test_functional_imports_torch_only():
    for path in PACKAGE.glob("functional.py"):
        assert third_party(path) == {"torch"}


def test_losses_do_not_know_backbones():
    assert not {path for path in importers("lightning_compose.backbones") if path.startswith("losses/")}


def test_the_module_knows_no_concrete_loss_or_backbone():
    concrete = subclasses("losses", "LossCallback") | subclasses("backbones", "Backbone")
    assert {f"lightning_compose.backbones.stable_diffusion{version}" for version in ("", "_3")} <= concrete
    assert not imports(PACKAGE / "module.py") & concrete


def test_data_do_not_know_the_model():
    for part in ("module", "backbones", "losses"):
        assert not {path for path in importers(f"lightning_compose.{part}") if path.startswith(("data/", "shapes/"))}


def test_metrics_know_neither_the_world_nor_the_model():
    for part in ("shapes", "backbones", "evaluation", "module"):
        assert not {path for path in importers(f"lightning_compose.{part}") if path.startswith("metrics/")}


def test_evaluation_takes_any_judge_and_any_model():
    for part in ("shapes", "backbones", "module"):
        assert not {path for path in importers(f"lightning_compose.{part}") if path.startswith("evaluation/")}


def test_only_shards_read_tars():
    assert importers("tarfile")
    assert all(path.startswith("data/shards/") for path in importers("tarfile"))


def test_all_but_prepare_works_without_its_extra():
    allowed = ("prepare/", "shapes/preparing/", "cli/prepare.py")
    assert not {path for path in importers("lightning_compose.prepare") if not path.startswith(allowed)}


def test_nothing_imports_webdataset():
    # It imports torch, and reads a damaged tar to its end without an error: tests read our tars with it instead.
    assert not importers("webdataset")


@pytest.mark.parametrize("module", LIGHT_MODULES)
def test_light_modules_leave_heavy_ones_alone(module):
    code = f"import sys, {module}; print(*sorted({HEAVY} & set(sys.modules)))"
    loaded = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True, check=True)
    assert loaded.stdout.split() == []


def test_every_folder_of_modules_is_a_package():
    # `packages = find:` leaves a folder without __init__.py out of the wheel, silently.
    assert not {path.parent for path in MODULES if not (path.parent / "__init__.py").exists()}


def declared(setup: configparser.RawConfigParser, section: str, option: str) -> set[str]:
    return set(re.findall(r"^[\w-]+", setup[section][option], re.MULTILINE))


def test_every_import_is_declared():
    setup = configparser.RawConfigParser()
    setup.read(ROOT / "setup.cfg")
    known = declared(setup, "options", "install_requires")
    of_prepare = known.union(*(declared(setup, "options.extras_require", extra) for extra in ("prepare", "review")))
    for path in MODULES:
        imported = {DISTRIBUTION_OF.get(name, name) for name in third_party(path) - {"lightning_compose"}}
        assert imported <= (of_prepare if path.is_relative_to(PACKAGE / "prepare") else known), path
