"""Elements of IPFIX that vendors define under their own enterprise number: number, name and kind, as in elements.py."""

from __future__ import annotations

VENDORS: dict[int, str] = {
    # Cisco: application visibility and WAAS
    9: """
8337 serverBytesNetwork u, 8338 clientBytesNetwork u, 9252 servicesWaasSegment u, 9253 servicesWaasPassthroughReason u
9357 applicationHttpUriStatistics o, 12232 applicationCategoryName s, 12233 applicationSubCategoryName s
12234 applicationGroupName s, 12235 applicationHttpHost s, 12236 connectionClientIPv4Address 4
12237 connectionServerIPv4Address 4, 12238 connectionClientIPv6Address 6, 12239 connectionServerIPv6Address 6
12240 connectionClientTransportPort u, 12241 connectionServerTransportPort u, 12242 connectionId u
12243 applicationTrafficClass s, 12244 applicationBusinessRelevance s
""",
    # Nokia: address translation of subscribers
    637: "91 natInsideSvcid u, 92 natOutsideSvcid u, 93 natSubString s",
    # Ixia
    3054: """
110 ixiaL7AppId u, 111 ixiaL7AppName s, 120 ixiaSrcIpCountryCode s, 121 ixiaSrcIpCountryName s, 122 ixiaSrcIpRegionCode s
123 ixiaSrcIpRegionName s, 125 ixiaSrcCityName s, 126 ixiaSrcLatitude f, 127 ixiaSrcLongitude f, 140 ixiaDstIpCountryCode s
141 ixiaDstIpCountryName s, 142 ixiaDstIpRegionCode s, 143 ixiaDstIpRegionName s, 145 ixiaDstCityName s
146 ixiaDstLatitude f, 147 ixiaDstLongitude f, 160 ixiaDeviceId u, 161 ixiaDeviceName s, 162 ixiaBrowserId u
163 ixiaBrowserName s, 176 ixiaRevOctetDeltaCount u, 177 ixiaRevPacketDeltaCount u, 178 ixiaEncryptType s
179 ixiaEncryptCipher s, 180 ixiaEncryptKeyLength u, 181 ixiaImsi s, 182 ixiaHttpUserAgent s, 183 ixiaHttpHostName s
184 ixiaHttpUri s, 185 ixiaDnsTxt s, 186 ixiaSrcAsName s, 187 ixiaDstAsName s, 188 ixiaLatency u, 189 ixiaDnsQuery s
190 ixiaDnsAnswer s, 191 ixiaDnsClasses s, 192 ixiaThreatType s, 193 ixiaThreatIPv4 4, 194 ixiaThreatIPv6 6
""",
    # Citrix NetScaler
    5951: """
128 netscalerRoundTripTime u, 129 netscalerTransactionId u, 130 netscalerHttpReqUrl s, 131 netscalerHttpReqCookie s
132 netscalerFlowFlags u, 133 netscalerConnectionId u, 134 netscalerSyslogPriority u, 135 netscalerSyslogMessage s
136 netscalerSyslogTimestamp u, 140 netscalerHttpReqReferer s, 141 netscalerHttpReqMethod s, 142 netscalerHttpReqHost s
143 netscalerHttpReqUserAgent s, 144 netscalerHttpRspStatus u, 145 netscalerHttpRspLen u, 146 netscalerServerTTFB u
147 netscalerServerTTLB u, 150 netscalerAppNameIncarnationNumber u, 151 netscalerAppNameAppId u, 152 netscalerAppName s
182 netscalerClientRTT u, 183 netscalerHttpContentType s
""",
    # YAF of CERT
    6871: """
14 initialTCPFlags u, 15 unionTCPFlags u, 18 payload o, 21 reverseFlowDeltaMilliseconds u, 33 silkAppLabel u, 35 payloadEntropy u
36 osName s, 37 osVersion s, 38 firstPacketBanner o, 39 secondPacketBanner o, 40 flowAttributes u, 100 expiredFragmentCount u
101 assembledFragmentCount u, 102 meanFlowRate u, 103 meanPacketRate u, 104 flowTableFlushEventCount u
105 flowTablePeakCount u, 289 mptcpInitialDataSequenceNumber u, 290 mptcpReceiverToken u, 291 mptcpMaximumSegmentSize u
292 mptcpAddressId u, 293 mptcpFlags u, 500 smallPacketCount u, 501 nonEmptyPacketCount u, 502 dataByteCount u
503 averageInterarrivalTime u, 504 standardDeviationInterarrivalTime u, 505 firstNonEmptyPacketSize u, 506 maxPacketSize u
507 firstEightNonEmptyPacketDirections u, 508 standardDeviationPayloadLength u, 509 tcpUrgentCount u, 510 largePacketCount u
""",
    # VMware; from 891 on they are what Open vSwitch says of tunnels
    6876: """
880 tenantProtocol u, 881 tenantSourceIPv4 4, 882 tenantDestIPv4 4, 883 tenantSourceIPv6 6, 884 tenantDestIPv6 6
886 tenantSourcePort u, 887 tenantDestPort u, 888 egressInterfaceAttr u, 889 vxlanExportRole u, 890 ingressInterfaceAttr u
891 tunnelType u, 892 tunnelKey o, 893 tunnelSourceIPv4Address 4, 894 tunnelDestinationIPv4Address 4
895 tunnelProtocolIdentifier u, 896 tunnelSourceTransportPort u, 897 tunnelDestinationTransportPort u, 898 virtualObsID s
""",
    # Palo Alto Networks, where it exports IPFIX
    25461: "56701 paloAltoAppId s, 56702 paloAltoUserId s",
    # nProbe of ntop
    35632: """
109 retransmittedInPackets u, 110 retransmittedOutPackets u, 111 outOfOrderInPackets u, 112 outOfOrderOutPackets u
118 l7Protocol u, 119 l7ProtocolName s, 123 clientNetworkLatencyMs u, 124 serverNetworkLatencyMs u, 125 applicationLatencyMs u
127 retransmittedInBytes u, 128 retransmittedOutBytes u, 180 httpUrl s, 181 httpReturnCode u, 182 httpReferer s
183 httpUserAgent s, 184 httpMime s, 187 httpHost s, 188 tlsServerName s, 189 bittorrentHash s, 205 dnsQuery s
206 dnsQueryId u, 207 dnsQueryType u, 208 dnsReturnCode u, 209 dnsAnswerCount u, 352 dnsTtlAnswer u, 360 httpMethod s
361 httpSite s, 398 dnsResponse s, 460 httpXForwardedFor s, 461 httpVia s, 489 ja3ClientHash s, 490 ja3ServerHash s
493 tlsCipher u, 494 tlsUnsafeCipher u, 495 tlsVersion u
""",
    # Cisco SD-WAN (Viptela)
    41916: "4321 viptelaVPNId u",
}
