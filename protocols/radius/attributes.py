"""The attributes of accounting that we read, by number: RFC 2865 section 5, 2866 section 5, 2869 section 5, 3162 section 2."""

from __future__ import annotations

USER_NAME = 1
NAS_IP_ADDRESS = 4
FRAMED_IP_ADDRESS = 8
CLASS = 25
CALLED_STATION_ID = 30
CALLING_STATION_ID = 31
NAS_IDENTIFIER = 32
PROXY_STATE = 33
ACCT_STATUS_TYPE = 40
ACCT_DELAY_TIME = 41
ACCT_INPUT_OCTETS = 42
ACCT_OUTPUT_OCTETS = 43
ACCT_SESSION_ID = 44
ACCT_SESSION_TIME = 46
ACCT_INPUT_PACKETS = 47
ACCT_OUTPUT_PACKETS = 48
ACCT_TERMINATE_CAUSE = 49
ACCT_MULTI_SESSION_ID = 50
ACCT_INPUT_GIGAWORDS = 52
ACCT_OUTPUT_GIGAWORDS = 53
EVENT_TIMESTAMP = 55
MESSAGE_AUTHENTICATOR = 80
ACCT_INTERIM_INTERVAL = 85
NAS_IPV6_ADDRESS = 95
FRAMED_IPV6_PREFIX = 97
FRAMED_IPV6_ADDRESS = 168

# Values of Acct-Status-Type.
START, STOP, INTERIM, ON, OFF = 1, 2, 3, 7, 8
STATUSES = frozenset({START, STOP, INTERIM, ON, OFF})

# Number -> (name in the dictionaries, how its value is shown).
NAMES = {
    USER_NAME: ("User-Name", "text"),
    NAS_IP_ADDRESS: ("NAS-IP-Address", "address"),
    5: ("NAS-Port", "number"),
    6: ("Service-Type", "number"),
    FRAMED_IP_ADDRESS: ("Framed-IP-Address", "address"),
    CLASS: ("Class", "raw"),
    26: ("Vendor-Specific", "raw"),
    CALLED_STATION_ID: ("Called-Station-Id", "text"),
    CALLING_STATION_ID: ("Calling-Station-Id", "text"),
    NAS_IDENTIFIER: ("NAS-Identifier", "text"),
    PROXY_STATE: ("Proxy-State", "raw"),
    ACCT_STATUS_TYPE: ("Acct-Status-Type", "number"),
    ACCT_DELAY_TIME: ("Acct-Delay-Time", "number"),
    ACCT_INPUT_OCTETS: ("Acct-Input-Octets", "number"),
    ACCT_OUTPUT_OCTETS: ("Acct-Output-Octets", "number"),
    ACCT_SESSION_ID: ("Acct-Session-Id", "text"),
    45: ("Acct-Authentic", "number"),
    ACCT_SESSION_TIME: ("Acct-Session-Time", "number"),
    ACCT_INPUT_PACKETS: ("Acct-Input-Packets", "number"),
    ACCT_OUTPUT_PACKETS: ("Acct-Output-Packets", "number"),
    ACCT_TERMINATE_CAUSE: ("Acct-Terminate-Cause", "number"),
    ACCT_MULTI_SESSION_ID: ("Acct-Multi-Session-Id", "text"),
    51: ("Acct-Link-Count", "number"),
    ACCT_INPUT_GIGAWORDS: ("Acct-Input-Gigawords", "number"),
    ACCT_OUTPUT_GIGAWORDS: ("Acct-Output-Gigawords", "number"),
    EVENT_TIMESTAMP: ("Event-Timestamp", "number"),
    61: ("NAS-Port-Type", "number"),
    MESSAGE_AUTHENTICATOR: ("Message-Authenticator", "raw"),
    ACCT_INTERIM_INTERVAL: ("Acct-Interim-Interval", "number"),
    87: ("NAS-Port-Id", "text"),
    NAS_IPV6_ADDRESS: ("NAS-IPv6-Address", "address"),
    FRAMED_IPV6_PREFIX: ("Framed-IPv6-Prefix", "raw"),
    FRAMED_IPV6_ADDRESS: ("Framed-IPv6-Address", "address"),
}
