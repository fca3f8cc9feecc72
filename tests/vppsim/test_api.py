import json
from collections.abc import Callable

import pytest

from tests.vppsim.client import NO_INTERFACE, Api, NoReplyError
from tests.vppsim.rig import Rig, SimulatorRig
from tools.vppsim import codec


def test_a_request_is_preceded_by_16_bytes_and_sockclnt_create_is_message_15(rig: Rig) -> None:
    api = rig.connect()
    assert api.index
    assert api.ids["sockclnt_create_455fb9c4"] == 15
    assert api.ids["get_api_json_51077d14"] == 27


def test_the_definitions_come_from_the_running_vpp_and_their_crcs_match_its_message_table(rig: Rig) -> None:
    api = rig.api()
    assert all(f"{name}_{message.crc.removeprefix('0x')}" in api.ids for name, message in api.messages.items())
    assert api.call("show_version").program == "vpe"


def test_every_file_of_the_definitions_has_the_structure_of_vpp(rig: Rig) -> None:
    files = json.loads(rig.connect().call("get_api_json").json)
    for file in files:
        assert {"types", "messages", "unions", "enums", "enumflags", "services", "options", "aliases"} <= file.keys()
    assert "memclnt" not in [file["module"] for file in files], "a client brings those of the connection along"


def test_every_message_of_the_simulators_table_is_laid_out_as_the_definitions_say(rig: Rig) -> None:
    """Against a real VPP these are its definitions, so that its table is the opinion that counts."""
    served = {message[0]: message for file in json.loads(rig.connect().call("get_api_json").json)
              for message in file["messages"]}  # fmt: skip
    for file in json.loads(codec.TABLE.read_text())[1:]:
        for name, *fields in file["messages"]:
            assert [name, *_without_comments(fields)] == _without_comments(served[name])


def _without_comments(definition: list[object]) -> list[object]:
    crcs = [{"crc": part["crc"]} if isinstance(part, dict) and "crc" in part else part for part in definition]
    return [part for part in crcs if not (isinstance(part, dict) and "comment" in part)]


def test_an_old_vpp_does_not_know_get_api_json(start: Callable[..., SimulatorRig]) -> None:
    api = start("--no-api-json").connect()
    assert "get_api_json_51077d14" not in api.ids
    api.load_text(codec.TABLE.read_text())
    assert api.retval("show_version") == 0


def test_without_its_plugin_vpp_does_not_know_npt66(start: Callable[..., SimulatorRig]) -> None:
    api = start("--no-npt66").api()
    assert "npt66_binding_add_del" not in api.messages
    assert not any(name.startswith("npt66") for name in api.ids)
    assert api.retval("control_ping") == 0


def test_a_dump_ends_at_a_control_ping_sent_right_behind_it(rig: Rig, api: Api) -> None:
    loopbacks = [rig.loopback() for _ in range(5)]
    assert [i.interface_name for i in api.dump("sw_interface_dump")] == ["local0", *loopbacks]
    assert api.dump("ip_neighbor_dump", sw_if_index=NO_INTERFACE) == []


def test_a_request_that_cannot_be_decoded_gets_no_reply(api: Api) -> None:
    head = api.number("ip_route_add_del").to_bytes(2, "big")
    api.write(head + bytes(20))
    api.write((9999).to_bytes(2, "big") + bytes(20))
    assert api.retval("control_ping") == 0


def test_a_request_may_come_in_pieces(api: Api) -> None:
    request = {"_vl_msg_id": api.number("show_version"), "client_index": api.index, "context": 77}
    message = api.messages["show_version"].pack(request)
    whole = bytes(8) + len(message).to_bytes(4, "big") + bytes(4) + message
    for octet in whole:
        api.socket.sendall(bytes([octet]))
    assert api.receive().context == 77


def test_many_requests_at_once_are_answered_in_their_order(api: Api) -> None:
    contexts = [api.send("show_version") for _ in range(50)]
    assert [api.receive().context for _ in contexts] == contexts


def test_many_clients_at_once(rig: Rig) -> None:
    clients = [rig.api() for _ in range(10)]
    assert len({client.index for client in clients}) == 10
    assert [client.retval("control_ping") for client in clients] == [0] * 10


def test_sockclnt_delete_ends_the_connection(api: Api) -> None:
    assert api.call("sockclnt_delete", index=api.index).response == 1
    with pytest.raises(NoReplyError):
        api.receive()


def test_keepalive_is_not_answered_on_a_socket(api: Api) -> None:
    api.send("memclnt_keepalive")
    assert type(api.call("control_ping")).__name__ == "control_ping_reply"
    assert api.waits(0)


def test_cli_inband_runs_a_command_and_refuses_unknown_ones(api: Api) -> None:
    assert api.call("cli_inband", cmd="show version").reply.startswith("vpp v26.06")
    refused = api.call("cli_inband", cmd="nonsense")
    assert (refused.retval, refused.reply) == (-1, "unknown input `nonsense'\n")


@pytest.mark.parametrize(
    "name",
    ["sw_interface_add_del_address", "sw_interface_set_flags", "sw_interface_get_table", "arping", "arping_acd",
     "sw_interface_ip6_enable_disable", "sw_interface_ip4_enable_disable", "dhcp_client_detect_enable_disable",
     "npt66_binding_add_del", "sw_interface_ip6nd_ra_config", "ip6nd_send_router_solicitation",
     "want_ip_neighbor_events_v2", "sw_interface_ip6_get_link_local_address",
     "sw_interface_ip6_set_link_local_address"],
)  # fmt: skip
def test_an_interface_that_does_not_exist_is_refused_with_minus_2(api: Api, name: str) -> None:
    assert api.retval(name, sw_if_index=77) == -2


@pytest.mark.parametrize(
    ("name", "flag"), [("want_interface_events", "enable_disable"), ("want_ip6_ra_events", "enable")]
)
def test_events_asked_for_twice_are_refused_with_minus_31(api: Api, name: str, flag: str) -> None:
    assert [api.retval(name, **{flag: on}) for on in (1, 1, 0, 0)] == [0, -31, 0, -31]
