"""The IANA registry of IPFIX elements (RFC 7012) and what NetFlow v9 adds: number, name and kind, as data.

kind: u unsigned, i signed, f float, b boolean, 4 and 6 addresses, m MAC, s string, o octets, l structured data (RFC 6313),
S M U N times in seconds, ms, and as NTP values that are called µs and ns.
"""

from __future__ import annotations

from functools import lru_cache
from typing import NamedTuple

from protocols.netflow.vendors import VENDORS

REVERSE = 29305  # RFC 5103: the elements of IANA in the other direction
CERT, NTOP = 6871, 35632
NTOP_IN_V9 = range(57472, 58496)  # nProbe's own elements where there are no enterprise numbers


class Element(NamedTuple):
    """What a field is called and how its bytes are read (`kind` as above)."""

    name: str
    kind: str


@lru_cache(maxsize=4096)
def element(pen: int, number: int) -> Element:
    """The element of an enterprise (0: IANA); one that nobody knows is called by its numbers and is octets."""
    if pen == REVERSE:
        return _reversed(element(0, number))
    if pen == CERT and number & 0x4000:
        return _reversed(element(CERT, number & 0x3FFF))
    if not pen and number in NTOP_IN_V9:
        pen, number = NTOP, number - NTOP_IN_V9.start
    return _KNOWN.get((pen, number)) or Element(f"{pen}.{number}", "o")


def _reversed(forward: Element) -> Element:
    return Element("reverse" + forward.name[0].upper() + forward.name[1:], forward.kind)


def _table(pen: int, text: str) -> dict[tuple[int, int], Element]:
    rows = (row.split() for row in text.replace("\n", ",").split(",") if row.strip())
    return {(pen, int(number)): Element(name, kind) for number, name, kind in rows}


_IANA = """
1 octetDeltaCount u, 2 packetDeltaCount u, 3 deltaFlowCount u, 4 protocolIdentifier u, 5 ipClassOfService u
6 tcpControlBits u, 7 sourceTransportPort u, 8 sourceIPv4Address 4, 9 sourceIPv4PrefixLength u, 10 ingressInterface u
11 destinationTransportPort u, 12 destinationIPv4Address 4, 13 destinationIPv4PrefixLength u, 14 egressInterface u
15 ipNextHopIPv4Address 4, 16 bgpSourceAsNumber u, 17 bgpDestinationAsNumber u, 18 bgpNextHopIPv4Address 4
19 postMCastPacketDeltaCount u, 20 postMCastOctetDeltaCount u, 21 flowEndSysUpTime u, 22 flowStartSysUpTime u
23 postOctetDeltaCount u, 24 postPacketDeltaCount u, 25 minimumIpTotalLength u, 26 maximumIpTotalLength u
27 sourceIPv6Address 6, 28 destinationIPv6Address 6, 29 sourceIPv6PrefixLength u, 30 destinationIPv6PrefixLength u
31 flowLabelIPv6 u, 32 icmpTypeCodeIPv4 u, 33 igmpType u, 34 samplingInterval u, 35 samplingAlgorithm u
36 flowActiveTimeout u, 37 flowIdleTimeout u, 38 engineType u, 39 engineId u, 40 exportedOctetTotalCount u
41 exportedMessageTotalCount u, 42 exportedFlowRecordTotalCount u, 43 ipv4RouterSc 4, 44 sourceIPv4Prefix 4
45 destinationIPv4Prefix 4, 46 mplsTopLabelType u, 47 mplsTopLabelIPv4Address 4, 48 samplerId u, 49 samplerMode u
50 samplerRandomInterval u, 51 classId u, 52 minimumTTL u, 53 maximumTTL u, 54 fragmentIdentification u
55 postIpClassOfService u, 56 sourceMacAddress m, 57 postDestinationMacAddress m, 58 vlanId u, 59 postVlanId u
60 ipVersion u, 61 flowDirection u, 62 ipNextHopIPv6Address 6, 63 bgpNextHopIPv6Address 6, 64 ipv6ExtensionHeaders u
70 mplsTopLabelStackSection o, 71 mplsLabelStackSection2 o, 72 mplsLabelStackSection3 o, 73 mplsLabelStackSection4 o
74 mplsLabelStackSection5 o, 75 mplsLabelStackSection6 o, 76 mplsLabelStackSection7 o, 77 mplsLabelStackSection8 o
78 mplsLabelStackSection9 o, 79 mplsLabelStackSection10 o, 80 destinationMacAddress m, 81 postSourceMacAddress m
82 interfaceName s, 83 interfaceDescription s, 84 samplerName s, 85 octetTotalCount u, 86 packetTotalCount u
87 flagsAndSamplerId u, 88 fragmentOffset u, 89 forwardingStatus u, 90 mplsVpnRouteDistinguisher o
91 mplsTopLabelPrefixLength u, 92 srcTrafficIndex u, 93 dstTrafficIndex u, 94 applicationDescription s, 95 applicationId o
96 applicationName s, 98 postIpDiffServCodePoint u, 99 multicastReplicationFactor u, 100 className s
101 classificationEngineId u, 102 layer2packetSectionOffset u, 103 layer2packetSectionSize u
104 layer2packetSectionData o, 128 bgpNextAdjacentAsNumber u, 129 bgpPrevAdjacentAsNumber u, 130 exporterIPv4Address 4
131 exporterIPv6Address 6, 132 droppedOctetDeltaCount u, 133 droppedPacketDeltaCount u, 134 droppedOctetTotalCount u
135 droppedPacketTotalCount u, 136 flowEndReason u, 137 commonPropertiesId u, 138 observationPointId u
139 icmpTypeCodeIPv6 u, 140 mplsTopLabelIPv6Address 6, 141 lineCardId u, 142 portId u, 143 meteringProcessId u
144 exportingProcessId u, 145 templateId u, 146 wlanChannelId u, 147 wlanSSID s, 148 flowId u, 149 observationDomainId u
150 flowStartSeconds S, 151 flowEndSeconds S, 152 flowStartMilliseconds M, 153 flowEndMilliseconds M
154 flowStartMicroseconds U, 155 flowEndMicroseconds U, 156 flowStartNanoseconds N, 157 flowEndNanoseconds N
158 flowStartDeltaMicroseconds u, 159 flowEndDeltaMicroseconds u, 160 systemInitTimeMilliseconds M
161 flowDurationMilliseconds u, 162 flowDurationMicroseconds u, 163 observedFlowTotalCount u
164 ignoredPacketTotalCount u, 165 ignoredOctetTotalCount u, 166 notSentFlowTotalCount u, 167 notSentPacketTotalCount u
168 notSentOctetTotalCount u, 169 destinationIPv6Prefix 6, 170 sourceIPv6Prefix 6, 171 postOctetTotalCount u
172 postPacketTotalCount u, 173 flowKeyIndicator u, 174 postMCastPacketTotalCount u, 175 postMCastOctetTotalCount u
176 icmpTypeIPv4 u, 177 icmpCodeIPv4 u, 178 icmpTypeIPv6 u, 179 icmpCodeIPv6 u, 180 udpSourcePort u
181 udpDestinationPort u, 182 tcpSourcePort u, 183 tcpDestinationPort u, 184 tcpSequenceNumber u
185 tcpAcknowledgementNumber u, 186 tcpWindowSize u, 187 tcpUrgentPointer u, 188 tcpHeaderLength u, 189 ipHeaderLength u
190 totalLengthIPv4 u, 191 payloadLengthIPv6 u, 192 ipTTL u, 193 nextHeaderIPv6 u, 194 mplsPayloadLength u
195 ipDiffServCodePoint u, 196 ipPrecedence u, 197 fragmentFlags u, 198 octetDeltaSumOfSquares u
199 octetTotalSumOfSquares u, 200 mplsTopLabelTTL u, 201 mplsLabelStackLength u, 202 mplsLabelStackDepth u
203 mplsTopLabelExp u, 204 ipPayloadLength u, 205 udpMessageLength u, 206 isMulticast u, 207 ipv4IHL u, 208 ipv4Options u
209 tcpOptions u, 210 paddingOctets o, 211 collectorIPv4Address 4, 212 collectorIPv6Address 6, 213 exportInterface u
214 exportProtocolVersion u, 215 exportTransportProtocol u, 216 collectorTransportPort u, 217 exporterTransportPort u
218 tcpSynTotalCount u, 219 tcpFinTotalCount u, 220 tcpRstTotalCount u, 221 tcpPshTotalCount u, 222 tcpAckTotalCount u
223 tcpUrgTotalCount u, 224 ipTotalLength u, 225 postNATSourceIPv4Address 4, 226 postNATDestinationIPv4Address 4
227 postNAPTSourceTransportPort u, 228 postNAPTDestinationTransportPort u, 229 natOriginatingAddressRealm u
230 natEvent u, 231 initiatorOctets u, 232 responderOctets u, 233 firewallEvent u, 234 ingressVRFID u, 235 egressVRFID u
236 VRFname s, 237 postMplsTopLabelExp u, 238 tcpWindowScale u, 239 biflowDirection u, 240 ethernetHeaderLength u
241 ethernetPayloadLength u, 242 ethernetTotalLength u, 243 dot1qVlanId u, 244 dot1qPriority u, 245 dot1qCustomerVlanId u
246 dot1qCustomerPriority u, 247 metroEvcId s, 248 metroEvcType u, 249 pseudoWireId u, 250 pseudoWireType u
251 pseudoWireControlWord u, 252 ingressPhysicalInterface u, 253 egressPhysicalInterface u, 254 postDot1qVlanId u
255 postDot1qCustomerVlanId u, 256 ethernetType u, 257 postIpPrecedence u, 258 collectionTimeMilliseconds M
259 exportSctpStreamId u, 260 maxExportSeconds S, 261 maxFlowEndSeconds S, 262 messageMD5Checksum o, 263 messageScope u
264 minExportSeconds S, 265 minFlowStartSeconds S, 266 opaqueOctets o, 267 sessionScope u, 268 maxFlowEndMicroseconds U
269 maxFlowEndMilliseconds M, 270 maxFlowEndNanoseconds N, 271 minFlowStartMicroseconds U, 272 minFlowStartMilliseconds M
273 minFlowStartNanoseconds N, 274 collectorCertificate o, 275 exporterCertificate o, 276 dataRecordsReliability b
277 observationPointType u, 278 connectionCountNew u, 279 connectionSumDurationSeconds u, 280 connectionTransactionId u
281 postNATSourceIPv6Address 6, 282 postNATDestinationIPv6Address 6, 283 natPoolId u, 284 natPoolName s
285 anonymizationFlags u, 286 anonymizationTechnique u, 287 informationElementIndex u, 288 p2pTechnology s
289 tunnelTechnology s, 290 encryptedTechnology s, 291 basicList l, 292 subTemplateList l, 293 subTemplateMultiList l
294 bgpValidityState u, 295 IPSecSPI u, 296 greKey u, 297 natType u, 298 initiatorPackets u, 299 responderPackets u
300 observationDomainName s, 301 selectionSequenceId u, 302 selectorId u, 303 informationElementId u
304 selectorAlgorithm u, 305 samplingPacketInterval u, 306 samplingPacketSpace u, 307 samplingTimeInterval u
308 samplingTimeSpace u, 309 samplingSize u, 310 samplingPopulation u, 311 samplingProbability f, 312 dataLinkFrameSize u
313 ipHeaderPacketSection o, 314 ipPayloadPacketSection o, 315 dataLinkFrameSection o, 316 mplsLabelStackSection o
317 mplsPayloadPacketSection o, 318 selectorIdTotalPktsObserved u, 319 selectorIdTotalPktsSelected u, 320 absoluteError f
321 relativeError f, 322 observationTimeSeconds S, 323 observationTimeMilliseconds M, 324 observationTimeMicroseconds U
325 observationTimeNanoseconds N, 326 digestHashValue u, 327 hashIPPayloadOffset u, 328 hashIPPayloadSize u
329 hashOutputRangeMin u, 330 hashOutputRangeMax u, 331 hashSelectedRangeMin u, 332 hashSelectedRangeMax u
333 hashDigestOutput b, 334 hashInitialiserValue u, 335 selectorName s, 336 upperCILimit f, 337 lowerCILimit f
338 confidenceLevel f, 339 informationElementDataType u, 340 informationElementDescription s, 341 informationElementName s
342 informationElementRangeBegin u, 343 informationElementRangeEnd u, 344 informationElementSemantics u
345 informationElementUnits u, 346 privateEnterpriseNumber u, 347 virtualStationInterfaceId o
348 virtualStationInterfaceName s, 349 virtualStationUUID o, 350 virtualStationName s, 351 layer2SegmentId u
352 layer2OctetDeltaCount u, 353 layer2OctetTotalCount u, 354 ingressUnicastPacketTotalCount u
355 ingressMulticastPacketTotalCount u, 356 ingressBroadcastPacketTotalCount u, 357 egressUnicastPacketTotalCount u
358 egressBroadcastPacketTotalCount u, 359 monitoringIntervalStartMilliSeconds M, 360 monitoringIntervalEndMilliSeconds M
361 portRangeStart u, 362 portRangeEnd u, 363 portRangeStepSize u, 364 portRangeNumPorts u, 365 staMacAddress m
366 staIPv4Address 4, 367 wtpMacAddress m, 368 ingressInterfaceType u, 369 egressInterfaceType u, 370 rtpSequenceNumber u
371 userName s, 372 applicationCategoryName s, 373 applicationSubCategoryName s, 374 applicationGroupName s
375 originalFlowsPresent u, 376 originalFlowsInitiated u, 377 originalFlowsCompleted u
378 distinctCountOfSourceIPAddress u, 379 distinctCountOfDestinationIPAddress u, 380 distinctCountOfSourceIPv4Address u
381 distinctCountOfDestinationIPv4Address u, 382 distinctCountOfSourceIPv6Address u
383 distinctCountOfDestinationIPv6Address u, 384 valueDistributionMethod u, 385 rfc3550JitterMilliseconds u
386 rfc3550JitterMicroseconds u, 387 rfc3550JitterNanoseconds u, 388 dot1qDEI b, 389 dot1qCustomerDEI b
390 flowSelectorAlgorithm u, 391 flowSelectedOctetDeltaCount u, 392 flowSelectedPacketDeltaCount u
393 flowSelectedFlowDeltaCount u, 394 selectorIDTotalFlowsObserved u, 395 selectorIDTotalFlowsSelected u
396 samplingFlowInterval u, 397 samplingFlowSpacing u, 398 flowSamplingTimeInterval u, 399 flowSamplingTimeSpacing u
400 hashFlowDomain u, 401 transportOctetDeltaCount u, 402 transportPacketDeltaCount u, 403 originalExporterIPv4Address 4
404 originalExporterIPv6Address 6, 405 originalObservationDomainId u, 406 intermediateProcessId u
407 ignoredDataRecordTotalCount u, 408 dataLinkFrameType u, 409 sectionOffset u, 410 sectionExportedOctets u
411 dot1qServiceInstanceTag o, 412 dot1qServiceInstanceId u, 413 dot1qServiceInstancePriority u
414 dot1qCustomerSourceMacAddress m, 415 dot1qCustomerDestinationMacAddress m, 417 postLayer2OctetDeltaCount u
418 postMCastLayer2OctetDeltaCount u, 420 postLayer2OctetTotalCount u, 421 postMCastLayer2OctetTotalCount u
422 minimumLayer2TotalLength u, 423 maximumLayer2TotalLength u, 424 droppedLayer2OctetDeltaCount u
425 droppedLayer2OctetTotalCount u, 426 ignoredLayer2OctetTotalCount u, 427 notSentLayer2OctetTotalCount u
428 layer2OctetDeltaSumOfSquares u, 429 layer2OctetTotalSumOfSquares u, 430 layer2FrameDeltaCount u
431 layer2FrameTotalCount u, 432 pseudoWireDestinationIPv4Address 4, 433 ignoredLayer2FrameTotalCount u
434 mibObjectValueInteger i, 435 mibObjectValueOctetString o, 436 mibObjectValueOID o, 437 mibObjectValueBits o
438 mibObjectValueIPAddress 4, 439 mibObjectValueCounter u, 440 mibObjectValueGauge u, 441 mibObjectValueTimeTicks u
442 mibObjectValueUnsigned u, 443 mibObjectValueTable l, 444 mibObjectValueRow l, 445 mibObjectIdentifier o
446 mibSubIdentifier u, 447 mibIndexIndicator u, 448 mibCaptureTimeSemantics u, 449 mibContextEngineID o
450 mibContextName s, 451 mibObjectName s, 452 mibObjectDescription s, 453 mibObjectSyntax s, 454 mibModuleName s
455 mobileIMSI s, 456 mobileMSISDN s, 457 httpStatusCode u, 458 sourceTransportPortsLimit u, 459 httpRequestMethod s
460 httpRequestHost s, 461 httpRequestTarget s, 462 httpMessageVersion s, 463 natInstanceID u, 464 internalAddressRealm o
465 externalAddressRealm o, 466 natQuotaExceededEvent u, 467 natThresholdEvent u, 468 httpUserAgent s
469 httpContentType s, 470 httpReasonPhrase s, 471 maxSessionEntries u, 472 maxBIBEntries u, 473 maxEntriesPerUser u
474 maxSubscribers u, 475 maxFragmentsPendingReassembly u, 476 addressPoolHighThreshold u, 477 addressPoolLowThreshold u
478 addressPortMappingHighThreshold u, 479 addressPortMappingLowThreshold u, 480 addressPortMappingPerUserHighThreshold u
481 globalAddressMappingHighThreshold u, 482 vpnIdentifier o, 483 bgpCommunity u, 484 bgpSourceCommunityList l
485 bgpDestinationCommunityList l, 486 bgpExtendedCommunity o, 487 bgpSourceExtendedCommunityList l
488 bgpDestinationExtendedCommunityList l, 489 bgpLargeCommunity o, 490 bgpSourceLargeCommunityList l
491 bgpDestinationLargeCommunityList l, 492 srhFlagsIPv6 u, 493 srhTagIPv6 u, 494 srhSegmentIPv6 6
495 srhActiveSegmentIPv6 6, 496 srhSegmentIPv6BasicList l, 497 srhSegmentIPv6ListSection o, 498 srhSegmentsIPv6Left u
499 srhIPv6Section o, 500 srhIPv6ActiveSegmentType u, 501 srhSegmentIPv6LocatorLength u
502 srhSegmentIPv6EndpointBehavior u, 503 transportChecksum u, 504 icmpHeaderPacketSection o, 505 gtpuFlags u
506 gtpuMsgType u, 507 gtpuTEid u, 508 gtpuSequenceNum u, 509 gtpuQFI u, 510 gtpuPduType u, 511 bgpSourceAsPathList l
512 bgpDestinationAsPathList l, 513 ipv6ExtensionHeaderType u, 514 ipv6ExtensionHeaderCount u
515 ipv6ExtensionHeadersFull o, 516 ipv6ExtensionHeaderTypeCountList l, 517 ipv6ExtensionHeadersLimit b
518 ipv6ExtensionHeadersChainLength u, 519 ipv6ExtensionHeaderChainLengthList l, 520 tcpOptionsFull o
521 tcpSharedOptionExID16 u, 522 tcpSharedOptionExID32 u, 523 tcpSharedOptionExID16List l, 524 tcpSharedOptionExID32List l
33000 ingressAclId o, 33001 egressAclId o, 33002 firewallExtendedEvent u, 40000 userName s, 40001 postNATSourceIPv4Address 4
40002 postNATDestinationIPv4Address 4, 40003 postNAPTSourceTransportPort u, 40004 postNAPTDestinationTransportPort u
40005 firewallEvent u, 56701 paloAltoAppId s, 56702 paloAltoUserId s
"""
_KNOWN = _table(0, _IANA)
for _pen, _text in VENDORS.items():
    _KNOWN |= _table(_pen, _text)
