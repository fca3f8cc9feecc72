"""The whole server as its users see it: ncclient and netconf-client over SSH, and libyang's opinion on what it says."""

import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from random import Random

import oopt_gnpy_libyang as libyang
import pytest
from lxml import etree
from ncclient.operations import RPCError
from netconf_client.error import RpcError

import nc
from nc.history import History
from tests.nc.clients import BASE_10, Raw, connect_socket, error_tag, ncclient_ssh, rpc, ssh_manager
from tests.nc.served import TOP
from tests.nc.world import NAMESPACES, PLANT, bare, edit, plant_of, schema
from tests.waiting import wait_for

CONFIG = '<config xmlns="urn:ietf:params:xml:ns:netconf:base:1.0"><plant xmlns="{}">{}</plant></config>'
FULL = "<name>A</name><bed><name>b</name><crop>kale</crop></bed><lamp/>"


class Plant:
    """A server process; port is where it serves SSH."""

    def __init__(self, directory: Path) -> None:
        self.directory = directory
        command = [sys.executable, "-m", "gevent.monkey", "--module", "tests.nc.plant_process", str(directory)]
        with (directory / "log").open("ab") as log:
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log, cwd=TOP)
        assert self.process.stdout is not None
        line = self.process.stdout.readline()
        assert line, (directory / "log").read_text()
        self.port = int(line)

    def end(self) -> None:
        self.process.kill()
        self.process.communicate()


@pytest.fixture(scope="module")
def shared(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Plant]:
    server = Plant(tmp_path_factory.mktemp("plant"))
    yield server
    server.end()


@pytest.fixture
def plant(shared: Plant) -> Plant:
    """A server whose configuration is FULL; no session is open."""
    with ncclient_ssh(shared.port) as client:
        client.edit_config(target="candidate", config=config(FULL), default_operation="replace")
        client.commit()
    return shared


def config(plant: str) -> str:
    return CONFIG.format(PLANT, plant)


def running(server: Plant) -> str:
    with ncclient_ssh(server.port) as client:
        return plant_of(client.get_config("running").data_ele)


def test_ncclient_edits_validates_and_commits(plant: Plant) -> None:
    with ncclient_ssh(plant.port) as client, client.locked("candidate"):
        client.edit_config(target="candidate", config=config("<name>B</name>"), test_option="test-then-set")
        client.validate("candidate")
        client.commit()
    assert running(plant) == FULL.replace("A", "B")


def test_ncclient_gets_errors_as_they_are(plant: Plant) -> None:
    with ncclient_ssh(plant.port) as client:
        with pytest.raises(RPCError) as caught:
            client.edit_config(target="candidate", config=config("<roof/>"))
        assert (caught.value.tag, caught.value.severity) == ("unknown-element", "error")
        with client.locked("running"), ncclient_ssh(plant.port) as other, pytest.raises(RPCError) as denied:
            other.lock("running")
        assert denied.value.tag == "lock-denied"
        assert f"<session-id>{client.session_id}</session-id>" in str(denied.value.info).replace("nc:", "")


def test_ncclient_commits_confirmed_and_cancels(plant: Plant) -> None:
    with ncclient_ssh(plant.port) as client:
        client.edit_config(target="candidate", config=config("<name>B</name>"))
        client.commit(confirmed=True, timeout="300", persist="q7")
    assert "<name>B</name>" in running(plant)
    with ncclient_ssh(plant.port) as client:
        with pytest.raises(RPCError):
            client.commit()
        client.cancel_commit(persist_id="q7")
    assert running(plant) == FULL


def test_a_dropped_connection_takes_a_confirmed_commit_back(plant: Plant) -> None:
    with ncclient_ssh(plant.port) as client:
        client.edit_config(target="candidate", config=config("<name>B</name>"))
        client.commit(confirmed=True)
        assert "<name>B</name>" in running(plant)
    wait_for(lambda: running(plant) == FULL, "the old configuration is running again")


def test_a_confirmed_commit_times_out(plant: Plant) -> None:
    with ncclient_ssh(plant.port) as client:
        client.edit_config(target="candidate", config=config("<name>B</name>"))
        client.commit(confirmed=True, timeout="1")
        wait_for(lambda: running(plant) == FULL, "the old configuration is running again")


def test_ncclient_reads_with_filters_and_defaults(plant: Plant) -> None:
    with ncclient_ssh(plant.port) as client:
        xpath = ({"x": PLANT}, "/x:plant/x:visitor[x:number='4711']")
        assert plant_of(client.get(filter=("xpath", xpath)).data_ele) == (
            "<visitor><number>4711</number><name>guest 4711</name></visitor>"
        )
        subtree = f'<plant xmlns="{PLANT}"><lamp/></plant>'
        reply = client.get_config("running", filter=("subtree", subtree), with_defaults="report-all")
        assert plant_of(reply.data_ele) == "<lamp><colour>white</colour></lamp>"


def test_ncclient_gets_schemas(plant: Plant) -> None:
    with ncclient_ssh(plant.port) as client:
        assert client.get_schema("plant").data.startswith("module plant {")
        with pytest.raises(RPCError) as caught:
            client.get_schema("plant", version="1999-01-01")
        assert caught.value.tag == "invalid-value"


def test_ncclient_gets_notifications(plant: Plant) -> None:
    with ncclient_ssh(plant.port) as client:
        client.create_subscription(filter=("subtree", f'<frost xmlns="{PLANT}"/>'))
        notification = client.take_notification(timeout=30)
        assert notification is not None
        assert bare(notification.notification_ele[1]) == "<frost><temperature>-4</temperature></frost>"
        assert plant_of(client.get_config("running").data_ele) == FULL


def test_netconf_client_edits_and_commits(plant: Plant) -> None:
    with ssh_manager(plant.port) as client:
        client.lock("candidate")
        client.edit_config(config("<interval>7</interval>"), target="candidate", default_operation="merge")
        client.validate("candidate")
        client.commit(confirmed=True, confirm_timeout=60)
        client.commit()
        client.unlock("candidate")
        assert plant_of(client.get_config("running").data_ele) == FULL + "<interval>7</interval>"
        with pytest.raises(RpcError) as caught:
            client.unlock("candidate")
        assert caught.value.tag == "operation-failed"


def test_netconf_client_reads_nmda_datastores(plant: Plant) -> None:
    with ssh_manager(plant.port) as client:
        only_beds = f'<subtree-filter><plant xmlns="{PLANT}"><bed/></plant></subtree-filter>'
        data = client.get_data("ds:operational", filter=only_beds, with_origin=True).data_ele
        assert plant_of(data) == (
            "<bed><name>b</name><crop>kale</crop><litres>5</litres>"
            "<soil><moisture>60</moisture><unit>percent</unit></soil></bed>"
            "<bed><name>a</name><soil><moisture>30</moisture><unit>percent</unit></soil></bed>"
        )
        litres = data.find(".//p:litres", NAMESPACES)
        assert litres.get(f"{{{NAMESPACES['or']}}}origin") == "or:default"


def test_netconf_client_replays_notifications(plant: Plant) -> None:
    with ssh_manager(plant.port) as client:
        client.create_subscription(start_time="2020-01-01T00:00:00Z")
        names = []
        while "replayComplete" not in names:
            message = client.take_notification(block=True, timeout=30)
            names.append(etree.QName(message.notification_ele[1]).localname)
        assert {"netconf-session-start", "netconf-session-end", "netconf-config-change", "frost"} <= set(names)


def test_what_it_says_of_itself_is_valid_for_libyang(plant: Plant) -> None:
    """All of the operational state, the YANG library included, with every must, leafref and mandatory leaf."""
    with ssh_manager(plant.port) as client:
        client.lock("running")
        whole = client.get_data("ds:operational").data_ele
        one = client.get(filter=f'<filter><plant xmlns="{PLANT}"><bed/></plant></filter>')
        assert one is not None
    for visitor in whole.findall(".//p:visitor", NAMESPACES)[10:]:
        visitor.getparent().remove(visitor)
    names = {etree.QName(child).localname for child in whole}
    assert {"plant", "netconf-state", "yang-library", "modules-state", "nacm", "netconf"} <= names
    document = b"".join(etree.tostring(child) for child in whole)
    assert libyang_errors(document.decode()) == []
    broken = document.replace(b"<ncm:session-id>", b"<ncm:session-id>x", 1)
    assert broken != document
    assert libyang_errors(broken.decode()) != []


def libyang_errors(document: str) -> list[str]:
    libyang.set_log_options(libyang.LogOptions.Store)
    ietf = Path(etree.__file__).parents[4] / "share/yang/modules"
    path = [Path(__file__).with_name("models"), Path(nc.__file__).with_name("yang"), ietf / "ietf", ietf / "iana"]
    options = libyang.ContextOptions.NoYangLibrary | libyang.ContextOptions.DisableSearchCwd
    context = libyang.Context(":".join(map(str, path)), options)
    for module in schema().modules.values():
        if not module.import_only:
            context.load_module(module.name, module.revision or None, list(module.features))
    context.clean_all_errors()
    try:
        context.parse_data(
            document, libyang.DataFormat.XML, libyang.ParseOptions.Strict, libyang.ValidationOptions.MultiError
        )
    except libyang.Error as error:
        return [f"{entry.data_path}: {entry.message}" for entry in context.errors()] or [str(error)]
    return []


def test_a_kill_during_a_commit_leaves_the_old_or_the_new_configuration(tmp_path: Path) -> None:
    random = Random(8)
    number = 0
    for _ in range(8):
        server = Plant(tmp_path)
        with Raw(connect_socket(tmp_path / "netconf.sock")).greet(BASE_10) as client:
            for _ in range(random.randrange(1, 4)):
                number += 1
                assert error_tag(client.request(edit(f"<name>{number}</name>"))) == ""
                assert error_tag(client.request("<commit/>")) == ""
            assert error_tag(client.request(edit(f"<name>{number + 1}</name>"))) == ""
            client.send(rpc("<commit/>") + b"]]>]]>")
            time.sleep(random.random() * 0.02)  # the moment of death is what varies
            server.process.send_signal(signal.SIGKILL)
            server.process.wait()
        server.end()
        history = History(tmp_path / "plant.json", tmp_path / "versions")
        text = history.read()
        assert text is not None
        found = plant_of(schema().from_json(text))
        assert found in {f"<name>{number}</name>", f"<name>{number + 1}</name>"}
        history.settle()
        assert history.text(history.versions()[0].serial) == text
        number += found == f"<name>{number + 1}</name>"
