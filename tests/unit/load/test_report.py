import orjson
import pytest

from load.checker import Findings
from load.command import main
from load.report import as_json, begun, delays, human
from load.sender import Account
from load.truth import Expected, Truth


def report(faults=()):
    account = Account(
        started=10.0, ended=14.0, sent=400, behind_s=0.012, topics={"predictions.legacy": 200, "predictions.shadow": 200}
    )
    truth = Truth()
    for k in range(200):
        truth.expect("credit", f"r-{k}", Expected("paired", 0, (), 0.0))
    found = Findings(complete_s=[k / 1000 for k in range(1, 201)])
    found.statuses["paired"] = 200 - len(faults)
    for kind in faults:
        found.fault(kind, "credit r-7: gone")
    made = begun("steady", 1, 200, account, paced=True)
    made.verified = True
    made.add(found, truth)
    return made


def test_delays_are_quantiles_in_milliseconds():
    found = delays([k / 1000 for k in range(1, 1002)])
    assert found is not None
    assert (found.count, found.p50_ms, found.p99_ms, found.max_ms) == (1001, 501.0, 991.0, 1001.0)
    assert delays([]) is None


def test_a_run_without_faults_has_passed():
    text = human(report())
    assert text.endswith("passed")
    assert "100 events/s, at most 12 ms behind the plan" in text
    assert "paired 200\n" in text
    assert "p99 198 ms" in text


def test_a_fault_fails_the_run_and_is_named_with_an_example():
    failed = report(["missing", "twice"])
    text = human(failed)
    assert not failed.passed
    assert text.endswith("FAILED")
    assert "FAULT missing: 1, as credit r-7: gone" in text
    assert "paired 198 (expected 200)" in text


def test_the_json_form_has_the_same_figures():
    found = orjson.loads(as_json(report(["missing"])))
    assert found["faults"] == {"missing": 1}
    assert found["passed"] is False
    assert found["sent"] == {"predictions.legacy": 200, "predictions.shadow": 200}
    assert found["complete"]["count"] == 200


@pytest.mark.parametrize(
    ("arguments", "says"),
    [
        ([], "--scenario"),
        (["--scenario", "nothing"], "invalid choice"),
        (["--scenario", "steady", "--requests", "0"], "1 or more is allowed"),
        (["--scenario", "steady", "--rate", "-1"], "0 or more is allowed"),
        (["--scenario", "steady", "--fault", "seconds"], "for --scenario flights only"),
        (["--scenario", "flights", "--fault", "other"], "invalid choice"),
    ],
)
def test_wrong_usage_ends_with_2_and_says_why(arguments, says, capsys):
    with pytest.raises(SystemExit) as ended:
        main(arguments)
    assert ended.value.code == 2
    assert says in capsys.readouterr().err


def test_a_broker_that_is_not_there_ends_with_1(capsys):
    assert main(["--scenario", "steady", "--bootstrap-servers", "127.0.0.1:1"]) == 1
    assert "127.0.0.1:1" in capsys.readouterr().err


def test_help_says_all_scenarios_and_faults(capsys):
    with pytest.raises(SystemExit):
        main(["--help"])
    text = capsys.readouterr().out
    for word in ("steady", "mixed", "misrouted", "flights", "seconds", "exit codes"):
        assert word in text


def test_the_flights_configuration_is_printed_without_a_broker(capsys):
    assert main(["--scenario", "flights", "--print-config"]) == 0
    assert "[models.flight-delay]" in capsys.readouterr().out
